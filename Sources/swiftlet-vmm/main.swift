import Glibc

exit(Monitor.run(CommandLine.arguments))
