/* By what trtkit/native/library.py tells a library that was made from other sources. */
#include <stdint.h>

#include "block.h"

#ifndef TRTKIT_SOURCES
#error "compile with trtkit/native/build.py"
#endif

__attribute__((visibility("default"))) uint32_t trtkit_sources(void) { return TRTKIT_SOURCES; }
