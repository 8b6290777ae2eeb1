// Does nothing: what a process costs that is only started, and the program in the container.
int main(void) { return 0; }
