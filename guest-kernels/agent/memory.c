// The agent's large memory, of which only what is used is ever there.

#include <stdint.h>

static uint8_t sessions[16][288 * 1024];
static const uint8_t *texts[65536 + 64];
static uint8_t home[264];

uint8_t *session_memory(long number) { return sessions[number]; }
const uint8_t **text_pointers(void) { return texts; }
uint8_t *home_text(void) { return home; }
