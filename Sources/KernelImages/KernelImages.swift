// Unpacks and inspects kernel images on the host.
