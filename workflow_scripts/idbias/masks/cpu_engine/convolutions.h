// Vectors of a processor's own length, blocks of sums in its registers, and what outputs go through.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __AVX__
#include <immintrin.h>
#endif

#ifdef __AVX512F__
constexpr int LANES = 16, WIDE = 4, TALL = 12, LONG = 8;  // as many sums as the registers hold
#else
constexpr int LANES = 8, WIDE = 2, TALL = 6, LONG = 4;
#endif

typedef float Vector __attribute__((vector_size(4 * LANES)));
typedef float Anywhere __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t Bits __attribute__((vector_size(4 * LANES)));

#define UNROLL _Pragma("GCC unroll 16")
#define INLINE_MEMBER __attribute__((always_inline)) inline
#define INLINE static INLINE_MEMBER

static inline Vector load(const float* from) { return *(const Anywhere*)from; }
static inline void store(float* to, Vector v) { *(Anywhere*)to = v; }
static inline Vector keep(Bits where, Vector v) { return (Vector)((Bits)v & where); }

// How many output channels lie side by side in prepared weights. `channels`: multiple of LANES.
static int group_of(int channels) {
  return channels % (WIDE * LANES) == 0 ? WIDE * LANES : channels % (2 * LANES) == 0 ? 2 * LANES : LANES;
}

// A block of sums, out (ROWS, COLUMNS * LANES), held in registers: row r adds, over all taps and
// channels, left[offsets[tap] + r * stride + channel] times right[tap, channel, :].
template <int ROWS, int COLUMNS>
INLINE void block(const float* left, int stride, const int* offsets, int taps, int channels,
                  const float* right, float* out, int width) {
  Vector sums[ROWS][COLUMNS];
  UNROLL for (int r = 0; r < ROWS; r++)
    UNROLL for (int c = 0; c < COLUMNS; c++) sums[r][c] = Vector{};
  for (int tap = 0; tap < taps; tap++) {
    const float* from = left + offsets[tap];
    for (int k = 0; k < channels; k++, right += COLUMNS * LANES) {
      Vector weights[COLUMNS];
      UNROLL for (int c = 0; c < COLUMNS; c++) weights[c] = load(right + c * LANES);
      UNROLL for (int r = 0; r < ROWS; r++)
        UNROLL for (int c = 0; c < COLUMNS; c++) sums[r][c] += from[r * stride + k] * weights[c];
    }
  }
  UNROLL for (int r = 0; r < ROWS; r++)
    UNROLL for (int c = 0; c < COLUMNS; c++) store(out + r * width + c * LANES, sums[r][c]);
}

// The same for `rows` (a multiple of ROWS) and all of `width`, a multiple of COLUMNS * LANES.
template <int ROWS, int COLUMNS>
INLINE void blocks(const float* left, int stride, const int* offsets, int taps, int channels,
                   const float* right, float* out, int width, int rows) {
  for (int c = 0; c < width; c += COLUMNS * LANES)
    for (int r = 0; r < rows; r += ROWS)
      block<ROWS, COLUMNS>(left + r * stride, stride, offsets, taps, channels,
                           right + (size_t)c * taps * channels, out + r * width + c, width);
}

// Which of LANES channels are positive, a bit each.
#ifdef __AVX512F__
typedef uint16_t Signs;
static inline Signs positive(Vector v) { return _mm512_cmp_ps_mask((__m512)v, __m512{}, _CMP_GT_OQ); }
static inline Vector where(Signs bits, Vector v) { return (Vector)_mm512_maskz_mov_ps(bits, (__m512)v); }
#else
typedef uint8_t Signs;
static inline Signs positive(Vector v) {
#ifdef __AVX__
  return _mm256_movemask_ps((__m256)(v > 0));
#else
  Signs bits = 0;
  UNROLL for (int i = 0; i < LANES; i++) bits |= (v[i] > 0) << i;
  return bits;
#endif
}
static inline Vector where(Signs bits, Vector v) {
  return keep((Bits{1, 2, 4, 8, 16, 32, 64, 128} & (int32_t)bits) != 0, v);
}
#endif

// The last channels, beside which other pixels' lie in memory.
static inline Vector load(const float* from, int left) {
  if (left >= LANES) return load(from);
#ifdef __AVX512F__
  return (Vector)_mm512_maskz_loadu_ps((1 << left) - 1, from);
#else
  Vector v = {};
  for (int i = 0; i < left; i++) v[i] = from[i];
  return v;
#endif
}

static inline void store(float* to, Vector v, int left) {
  if (left >= LANES) return store(to, v);
#ifdef __AVX512F__
  _mm512_mask_storeu_ps(to, (1 << left) - 1, (__m512)v);
#else
  for (int i = 0; i < left; i++) to[i] = v[i];
#endif
}

static int round_up(int channels) { return (channels + LANES - 1) / LANES * LANES; }

// What happens to an output before it is stored; null pointers mean: not. To be passed by value, or
// else every store might change it, as far as a compiler knows.
struct Finish {
  const float *bias, *add;
  const Signs* gate;  // zero where these are not set
  int relu;
  Signs* signs;  // where the stored output is positive
  float* y;
  int channels, groups;  // of LANES channels, the last padded

  void operator()(Vector v, size_t pixel, int channel) const {
    if (channels - channel >= LANES) store_at(v, pixel, channel, LANES);
    else store_at(v, pixel, channel, channels - channel);
  }

  INLINE_MEMBER void store_at(Vector v, size_t pixel, int channel, int left) const {
    size_t at = pixel * channels + channel, group = pixel * groups + channel / LANES;
    if (bias) v += load(bias + channel, left);
    if (add) v += load(add + at, left);
    if (relu) v = keep(~(Bits)(v < 0), v);  // a NaN stays a NaN
    if (gate) v = where(gate[group], v);
    if (signs) signs[group] = positive(v);
    store(y + at, v, left);
  }
};
