// The agent's large memory, of which only what is used is ever there.

#include <stdint.h>

// All arguments and variables that a start can have, and the ends of both lists.
static const uint8_t *texts[2 * 65536 + 64];
static uint8_t home[264];

const uint8_t **text_pointers(void) { return texts; }
uint8_t *home_text(void) { return home; }
