// What the devices stand on at the host: files, entropy, console streams.
