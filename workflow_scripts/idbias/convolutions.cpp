// Convolutions of few channels, with what follows them (bias, addition, ReLU) in the same pass.
// Pixels hold their channels side by side (torch's channels_last). Single-threaded. The order of
// an output's sums depends on its place in its own image only: results do not depend on the batch.
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <vector>

#ifdef __AVX512F__
constexpr int LANES = 16, WIDE = 4, TALL = 12, LONG = 8;  // as many sums as the registers hold
#else
constexpr int LANES = 8, WIDE = 2, TALL = 6, LONG = 4;
#endif
constexpr int TILES = 12;  // outputs at work at once: what they need fits in the nearer caches

typedef float Vector __attribute__((vector_size(4 * LANES)));
typedef float Anywhere __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t Bits __attribute__((vector_size(4 * LANES)));

#define UNROLL _Pragma("GCC unroll 16")

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
static inline void block(const float* left, int stride, const int* offsets, int taps, int channels,
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
static void blocks(const float* left, int stride, const int* offsets, int taps, int channels,
                   const float* right, float* out, int width, int rows) {
  for (int c = 0; c < width; c += COLUMNS * LANES)
    for (int r = 0; r < rows; r += ROWS)
      block<ROWS, COLUMNS>(left + r * stride, stride, offsets, taps, channels,
                           right + (size_t)c * taps * channels, out + r * width + c, width);
}

// What happens to an output before it is stored; null pointers mean: not.
struct Finish {
  const float *bias, *add, *gate;
  int relu;
  float* y;

  void operator()(Vector v, size_t at, int channel, int left) const {
    if (left < LANES) return few(v, at, channel, left);
    if (bias) v += load(bias + channel);
    if (add) v += load(add + at);
    if (relu) v = keep(~(Bits)(v < 0), v);  // a NaN stays a NaN
    if (gate) v = keep((Bits)(load(gate + at) > 0), v);
    store(y + at, v);
  }

  void few(Vector sums, size_t at, int channel, int left) const {  // the last channels
    for (int c = 0; c < left; c++) {
      float v = sums[c] + (bias ? bias[channel + c] : 0) + (add ? add[at + c] : 0);
      if ((relu && v < 0) || (gate && !(gate[at + c] > 0))) v = 0;
      y[at + c] = v;
    }
  }
};

// ---- 3x3, stride 1, padding 1: Winograd's F(4x4, 3x3), a quarter of the multiplications ----
// Lavin and Gray 2016, arXiv:1509.09308. The points of interpolation are 0, +-sqrt(1/2), +-sqrt(2)
// and infinity, whose rounding error is half that of the usual 0, +-1, +-2 (docs/masks.md).
constexpr float A = 0.70710678118654752f, B = 1.41421356237309505f;  // A * B = 1

static inline void to_samples(const Vector d[6], Vector out[6]) {  // a column of B^T d
  Vector even_a = d[4] - 2.0f * d[2], odd_a = A * d[3] - B * d[1];
  Vector even_b = d[4] - 0.5f * d[2], odd_b = B * d[3] - A * d[1];
  out[0] = d[0] - 2.5f * d[2] + d[4];
  out[1] = even_a + odd_a;
  out[2] = even_a - odd_a;
  out[3] = even_b + odd_b;
  out[4] = even_b - odd_b;
  out[5] = d[1] - 2.5f * d[3] + d[5];
}

static inline void to_pixels(const Vector m[6], Vector out[4]) {  // a column of A^T m
  Vector sum_a = m[1] + m[2], difference_a = m[1] - m[2];
  Vector sum_b = m[3] + m[4], difference_b = m[3] - m[4];
  out[0] = m[0] + sum_a + sum_b;
  out[1] = A * difference_a + B * difference_b;
  out[2] = 0.5f * sum_a + 2.0f * sum_b;
  out[3] = A * A * A * difference_a + B * B * B * difference_b + m[5];
}

struct Tile {  // its image and its top left output pixel
  int image, row, column;
  Tile(int tile, int height, int width) {
    int rows = (height + 3) / 4, columns = (width + 3) / 4;
    image = tile / (rows * columns), row = tile / columns % rows * 4, column = tile % columns * 4;
  }
};

template <bool INSIDE>  // whether all 6 by 6 pixels are in the image; else those outside are zero
static void samples_of(const float* x, int height, int width, int channels, Tile tile, float* samples) {
  int top = tile.row - 1, left = tile.column - 1;
  ptrdiff_t line = (ptrdiff_t)width * channels;
  const float* corner = x + (ptrdiff_t)tile.image * height * line + top * line + left * channels;
  for (int c = 0; c < channels; c += LANES) {
    Vector half[6][6];
    for (int j = 0; j < 6; j++) {
      Vector pixels[6], column[6];
      const float* from = corner + j * channels + c;
      bool beside = !INSIDE && (left + j < 0 || left + j >= width);
      UNROLL for (int i = 0; i < 6; i++) {
        bool outside = beside || (!INSIDE && (top + i < 0 || top + i >= height));
        pixels[i] = outside ? Vector{} : load(from + i * line);
      }
      to_samples(pixels, column);
      UNROLL for (int i = 0; i < 6; i++) half[i][j] = column[i];
    }
    for (int i = 0; i < 6; i++) {
      Vector row[6];
      to_samples(half[i], row);
      float* to = samples + (size_t)i * 6 * TILES * channels + c;
      UNROLL for (int j = 0; j < 6; j++) store(to + (size_t)j * TILES * channels, row[j]);
    }
  }
}

static void pixels_of(const float* products, int height, int width, int channels, int padded,
                      Tile tile, const Finish& finish) {
  for (int c = 0; c < channels; c += LANES) {
    Vector half[4][6];
    for (int j = 0; j < 6; j++) {
      Vector samples[6], column[4];
      const float* from = products + (size_t)j * TILES * padded + c;
      UNROLL for (int i = 0; i < 6; i++) samples[i] = load(from + (size_t)i * 6 * TILES * padded);
      to_pixels(samples, column);
      UNROLL for (int i = 0; i < 4; i++) half[i][j] = column[i];
    }
    for (int i = 0; i < 4 && tile.row + i < height; i++) {
      Vector row[4];
      to_pixels(half[i], row);
      size_t pixel = ((size_t)tile.image * height + tile.row + i) * width + tile.column;
      UNROLL for (int j = 0; j < 4; j++)
        if (tile.column + j < width) finish(row[j], (pixel + j) * channels + c, c, channels - c);
    }
  }
}

static int round_up(int channels) { return (channels + LANES - 1) / LANES * LANES; }

static float* scratch(size_t floats) {
  static thread_local std::vector<float> memory;
  if (memory.size() < floats + 16) memory.resize(floats + 16);
  return (float*)(((uintptr_t)memory.data() + 63) / 64 * 64);  // no load straddles two cache lines
}

extern "C" int lanes() { return LANES; }
extern "C" int group(int channels) { return group_of(channels); }

// x (count, height, width, in) -> y, add, gate (count, height, width, out); `in` is a multiple of
// LANES. weights: (36, padded / group, in, group), padded: `out` rounded up to a multiple of LANES.
extern "C" void winograd(const float* x, const float* weights, const float* bias, const float* add,
                         const float* gate, int relu, float* y, int count, int height, int width,
                         int in, int out) {
  int padded = round_up(out), group = group_of(padded);
  float* samples = scratch((size_t)36 * TILES * (in + padded));
  // Where both are of one size each block of products may take the place of what it was made of.
  float* products = in == padded && group == padded ? samples : samples + (size_t)36 * TILES * in;
  Finish finish{bias, add, gate, relu, y};
  int total = count * ((height + 3) / 4) * ((width + 3) / 4), here[] = {0};
  for (int first = 0; first < total; first += TILES) {
    int tiles = total - first < TILES ? total - first : TILES;
    for (int t = 0; t < tiles; t++) {
      Tile tile(first + t, height, width);
      bool inside = tile.row && tile.column && tile.row + 5 <= height && tile.column + 5 <= width;
      (inside ? samples_of<true> : samples_of<false>)(x, height, width, in, tile, samples + t * in);
    }
    for (size_t p = 0; p < 36; p++) {
      const float *left = samples + p * TILES * in, *right = weights + p * in * padded;
      float* to = products + p * TILES * padded;
      if (group == LANES) blocks<12, 1>(left, in, here, 1, in, right, to, padded, TILES);
      else if (group == 2 * LANES) blocks<TALL, 2>(left, in, here, 1, in, right, to, padded, TILES);
      else blocks<6, WIDE>(left, in, here, 1, in, right, to, padded, TILES);
    }
    for (int t = 0; t < tiles; t++)
      pixels_of(products + (size_t)t * padded, height, width, out, padded,
                Tile(first + t, height, width), finish);
  }
}

// ---- Any other: the direct sum ----
// For the outputs at rows row0 + i * step and columns column0 + j * step: the sum over taps k of
// weights[k] times x at (i * scale + dy[k], j * scale + dx[k]), zero outside the image. A strided
// convolution is step 1, scale stride; its gradient is stride * stride calls of step stride, scale 1.
// x (count, height, width, in) -> y, add, gate (count, out_height, out_width, out).
// weights: (padded / group, taps, in, group), padded: `out` rounded up to a multiple of LANES.
extern "C" void direct(const float* x, const float* weights, const float* bias, const float* add,
                       const float* gate, int relu, float* y, int count, int height, int width,
                       int in, int out_height, int out_width, int out, int step, int row0,
                       int column0, int scale, int taps, const int* dy, const int* dx) {
  int rows = (out_height - row0 + step - 1) / step, columns = (out_width - column0 + step - 1) / step;
  if (rows <= 0 || columns <= 0) return;
  // A copy of each image with a margin of zeros wherever a tap may look.
  int top = 0, left = 0, bottom = height, right = width;
  for (int k = 0; k < taps; k++) {
    top = dy[k] < top ? dy[k] : top, left = dx[k] < left ? dx[k] : left;
    int last_row = (rows - 1) * scale + dy[k] + 1, last_column = (columns - 1) * scale + dx[k] + 1;
    bottom = last_row > bottom ? last_row : bottom, right = last_column > right ? last_column : right;
  }
  int line = (right - left) * in, padded = round_up(out), group = group_of(padded), most = 16;
  size_t area = (size_t)(bottom - top) * line, slack = (size_t)most * scale * in;
  float* products = scratch(area + slack + (size_t)most * padded + taps);
  float* image = products + (size_t)most * padded;
  int* offsets = (int*)(image + area + slack);
  for (int k = 0; k < taps; k++) offsets[k] = (dy[k] - top) * line + (dx[k] - left) * in;
  memset(image, 0, sizeof(float) * (area + slack));
  Finish finish{bias, add, gate, relu, y};
  for (int n = 0; n < count; n++) {
    for (int r = 0; r < height; r++)
      memcpy(image + (r - top) * (size_t)line - left * in, x + ((size_t)n * height + r) * width * in,
             sizeof(float) * width * in);
    for (int i = 0; i < rows; i++)
      for (int first = 0; first < columns; first += most) {
        const float* from = image + (size_t)i * scale * line + (size_t)first * scale * in;
        int some = columns - first < most ? columns - first : most, stride = scale * in;
        int rounded = (some + 7) / 8 * 8;
        if (group == LANES) blocks<8, 1>(from, stride, offsets, taps, in, weights, products, padded, rounded);
        else if (group == 2 * LANES) blocks<LONG, 2>(from, stride, offsets, taps, in, weights, products, padded, rounded);
        else blocks<4, WIDE>(from, stride, offsets, taps, in, weights, products, padded, rounded);
        for (int t = 0; t < some; t++) {
          int row = row0 + i * step, column = column0 + (first + t) * step;
          size_t at = (((size_t)n * out_height + row) * out_width + column) * out;
          for (int c = 0; c < out; c += LANES)
            finish(load(products + (size_t)t * padded + c), at + c, c, out - c);
        }
      }
  }
}
