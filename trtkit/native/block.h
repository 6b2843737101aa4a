/* Elements of every supported data type as doubles, a block at a time, so that they stay in the first-level cache. */
#ifndef TRTKIT_BLOCK_H
#define TRTKIT_BLOCK_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define BLOCK 512

#define INLINE static inline __attribute__((always_inline))

/* An exported function: compiled for newer x86-64 processors as well, where the dynamic linker can choose. */
#if defined(__x86_64__) && defined(__GLIBC__)
#define EXPORT                                                                                                         \
    __attribute__((visibility("default"), target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define EXPORT __attribute__((visibility("default")))
#endif

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

INLINE float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

INLINE float from_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, size = half & 0x7fff;
    uint32_t normal = (size << 13) + (size >= 0x7c00 ? 224u << 23 : 112u << 23);
    float tiny = (float)(int32_t)size * 0x1p-24f;
    uint32_t subnormal;
    memcpy(&subnormal, &tiny, sizeof tiny);
    return from_bits((size < 0x400 ? subnormal : normal) | sign);
}

INLINE float from_bfloat(uint16_t bfloat) { return from_bits((uint32_t)bfloat << 16); }

#define AS_IT_IS(element) (element)
#define LOOKED_UP(element) (from.table[element])
#define LOAD(code, type, convert)                                                                                      \
    case code: {                                                                                                       \
        const type *elements = (const type *)from.data + start;                                                        \
        for (int i = 0; i < length; i++)                                                                               \
            to[i] = (double)convert(elements[i]);                                                                      \
        break;                                                                                                         \
    }

/* Fill a block with `length` elements of an array, beginning with number `start`. */
INLINE void load_block(struct array from, int64_t start, int length, double *restrict to)
{
    switch (from.type) {
        LOAD(FLOAT64, double, AS_IT_IS)
        LOAD(FLOAT32, float, AS_IT_IS)
        LOAD(FLOAT16, uint16_t, from_half)
        LOAD(BFLOAT16, uint16_t, from_bfloat)
        LOAD(INT64, int64_t, AS_IT_IS)
        LOAD(UINT64, uint64_t, AS_IT_IS)
        LOAD(INT32, int32_t, AS_IT_IS)
        LOAD(UINT32, uint32_t, AS_IT_IS)
        LOAD(INT16, int16_t, AS_IT_IS)
        LOAD(UINT16, uint16_t, AS_IT_IS)
        LOAD(INT8, int8_t, AS_IT_IS)
        LOAD(UINT8, uint8_t, AS_IT_IS)
        LOAD(TABLE, uint8_t, LOOKED_UP)
    }
}

#endif
