/* Loading elements of every type as doubles. */
#include "block.h"

static inline float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline float from_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, size = half & 0x7fff;
    uint32_t normal = (size << 13) + (size >= 0x7c00 ? 224u << 23 : 112u << 23);
    float tiny = (float)(int32_t)size * 0x1p-24f;
    uint32_t subnormal;
    memcpy(&subnormal, &tiny, sizeof tiny);
    return from_bits((size < 0x400 ? subnormal : normal) | sign);
}

static inline float from_bfloat(uint16_t bfloat) { return from_bits((uint32_t)bfloat << 16); }

#define AS_IT_IS(element) (element)
#define LOOKED_UP(element) (from->table[element])
#define LOAD(code, type, convert)                                                                                      \
    case code: {                                                                                                       \
        const type *elements = (const type *)from->data + start;                                                       \
        for (int i = 0; i < length; i++)                                                                               \
            to[i] = (double)convert(elements[i]);                                                                      \
        break;                                                                                                         \
    }

INTERNAL void trtkit_load_block(const struct array *from, int64_t start, int length, double *restrict to)
{
    switch (from->type) {
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
