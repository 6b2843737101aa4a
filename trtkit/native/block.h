/* Elements of every supported data type as doubles, a block at a time, so that they stay in the first-level cache. */
#ifndef TRTKIT_BLOCK_H
#define TRTKIT_BLOCK_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define BLOCK 512

/* A function that is compiled for newer x86-64 processors as well, where the dynamic linker can choose. */
#if defined(CLONES)
#elif defined(__x86_64__) && defined(__GLIBC__)
#define CLONES target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")
#else
#define CLONES
#endif
#define INTERNAL __attribute__((CLONES))
#define EXPORT __attribute__((visibility("default"), CLONES))

/* The next loop may run in vectors; with reduction(...), sums may be added up in another order. */
#define SIMD(...) _Pragma(#__VA_ARGS__)

typedef double block[BLOCK] __attribute__((aligned(64)));

/* Numbers that trtkit/comparator/kernel.py knows as well. */
enum { FLOAT64, FLOAT32, FLOAT16, BFLOAT16, INT64, UINT64, INT32, UINT32, INT16, UINT16, INT8, UINT8, TABLE };

/* An array: where it begins, for TABLE, whose elements are bytes, the value of each, and the type of its elements. */
struct array {
    const void *data;
    const double *table;
    int64_t type;
};

/* Fill a block with `length` elements of an array, beginning with number `start`. */
void trtkit_load_block(const struct array *from, int64_t start, int length, double *restrict to);

#endif
