// Convolutions of few channels, with what follows them (bias, addition, ReLU) in the same pass.
// Pixels hold their channels side by side (torch's channels_last). Single-threaded. The order of
// an output's sums depends on its place in its own image only: results do not depend on the batch.
#include "convolutions.h"

#include <string.h>

#include <vector>

// ---- 3x3, stride 1, padding 1: Winograd's F(4x4, 3x3), a quarter of the multiplications ----
// Lavin and Gray 2016, arXiv:1509.09308. The points of interpolation are 0, +-sqrt(1/2), +-sqrt(2)
// and infinity, whose rounding error is half that of the usual 0, +-1, +-2.
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

constexpr int TILES = 12;  // at work at once: what they need fits in the nearer caches

struct Tile {  // its image and its top left output pixel
  int image = 0, row = 0, column = 0;
  void next(int height, int width) {
    column += 4;
    if (column >= width) column = 0, row += 4;
    if (row >= height) row = 0, image++;
  }
};

// Pixels outside the image are zero: no branches, which would be taken now and then at its edges.
INLINE void samples_of(const float* x, int height, int width, int channels, Tile tile, float* samples) {
  const float* rows[6];
  Signs in_row[6];
  for (int i = 0; i < 6; i++) {
    int row = tile.row - 1 + i, inside = row >= 0 && row < height;
    rows[i] = x + ((size_t)tile.image * height + inside * row) * width * channels;
    in_row[i] = -inside;
  }
  for (int c = 0; c < channels; c += LANES) {
    Vector half[6][6];
    for (int j = 0; j < 6; j++) {
      Vector pixels[6], column[6];
      int at = tile.column - 1 + j, inside = at >= 0 && at < width;
      Signs in_column = -inside;
      at = inside * at * channels + c;
      UNROLL for (int i = 0; i < 6; i++) pixels[i] = where(in_row[i] & in_column, load(rows[i] + at));
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

INLINE void pixels_of(const float* products, int height, int width, int channels, int padded,
                      Tile tile, Finish finish) {
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
        if (tile.column + j < width) finish(row[j], pixel + j, c);
    }
  }
}

static float* scratch(size_t floats) {
  static thread_local std::vector<float> memory;
  if (memory.size() < floats + 16) memory.resize(floats + 16);
  return (float*)(((uintptr_t)memory.data() + 63) / 64 * 64);  // no load straddles two cache lines
}

// x (count, height, width, in) -> y (count, height, width, out); `in` is a multiple of LANES.
// weights: (36, padded / group, in, group), padded: `out` rounded up to a multiple of LANES.
// CHANNELS: `in` and `out`, where they are known when this is compiled, which halves its time; or 0.
template <int CHANNELS>
static void winograd(const float* x, const float* weights, Finish finish, int count, int height,
                     int width, int in, int out) {
  if (CHANNELS) in = out = finish.channels = CHANNELS, finish.groups = CHANNELS / LANES;
  int padded = round_up(out), group = group_of(padded);
  float* samples = scratch((size_t)36 * TILES * (in + padded));
  // Where both are of one size each block of products may take the place of what it was made of.
  float* products = in == padded && group == padded ? samples : samples + (size_t)36 * TILES * in;
  int total = count * ((height + 3) / 4) * ((width + 3) / 4), here[] = {0};
  Tile from, to;
  for (int first = 0; first < total; first += TILES) {
    int tiles = total - first < TILES ? total - first : TILES;
    for (int t = 0; t < tiles; t++, from.next(height, width))
      samples_of(x, height, width, in, from, samples + t * in);
    for (size_t p = 0; p < 36; p++) {
      const float *left = samples + p * TILES * in, *right = weights + p * in * padded;
      float* sums = products + p * TILES * padded;
      if (group == LANES) blocks<12, 1>(left, in, here, 1, in, right, sums, padded, TILES);
      else if (group == 2 * LANES) blocks<TALL, 2>(left, in, here, 1, in, right, sums, padded, TILES);
      else blocks<6, WIDE>(left, in, here, 1, in, right, sums, padded, TILES);
    }
    for (int t = 0; t < tiles; t++, to.next(height, width))
      pixels_of(products + (size_t)t * padded, height, width, out, padded, to, finish);
  }
}

// ---- Any other: the direct sum ----
// For the outputs at rows row0 + i * step and columns column0 + j * step: the sum over taps k of
// weights[k] times the `along` pixels of x from (i * scale + dy[k], j * scale + dx[k]) on, zero
// outside the image. A strided convolution is step 1, scale stride; its gradient is stride * stride
// calls of step stride, scale 1.
// x (count, height, width, in) -> y (count, out_height, out_width, out).
// weights: (padded / group, taps, along * in, group), padded: `out` rounded up to a multiple of LANES.
static void direct(const float* x, const float* weights, Finish finish, int count, int height,
                   int width, int in, int out_height, int out_width, int out, int step, int row0,
                   int column0, int scale, int taps, int along, const int* dy, const int* dx) {
  int rows = (out_height - row0 + step - 1) / step, columns = (out_width - column0 + step - 1) / step;
  if (rows <= 0 || columns <= 0) return;
  // A copy of each image with a margin of zeros wherever a tap may look.
  int top = 0, left = 0, bottom = height, right = width;
  for (int k = 0; k < taps; k++) {
    top = dy[k] < top ? dy[k] : top, left = dx[k] < left ? dx[k] : left;
    int last_row = (rows - 1) * scale + dy[k] + 1, last_column = (columns - 1) * scale + dx[k] + along;
    bottom = last_row > bottom ? last_row : bottom, right = last_column > right ? last_column : right;
  }
  int line = (right - left) * in, padded = round_up(out), group = group_of(padded), most = 16;
  size_t area = (size_t)(bottom - top) * line, slack = (size_t)most * scale * in;
  float* products = scratch(area + slack + (size_t)most * padded + taps);
  float* image = products + (size_t)most * padded;
  int* offsets = (int*)(image + area + slack);
  for (int k = 0; k < taps; k++) offsets[k] = (dy[k] - top) * line + (dx[k] - left) * in;
  memset(image, 0, sizeof(float) * (area + slack));
  for (int n = 0; n < count; n++) {
    for (int r = 0; r < height; r++)
      memcpy(image + (r - top) * (size_t)line - left * in, x + ((size_t)n * height + r) * width * in,
             sizeof(float) * width * in);
    for (int i = 0; i < rows; i++)
      for (int first = 0; first < columns; first += most) {
        const float* from = image + (size_t)i * scale * line + (size_t)first * scale * in;
        int some = columns - first < most ? columns - first : most, stride = scale * in;
        int rounded = (some + 7) / 8 * 8, depth = along * in;
        if (group == LANES)
          blocks<8, 1>(from, stride, offsets, taps, depth, weights, products, padded, rounded);
        else if (group == 2 * LANES)
          blocks<LONG, 2>(from, stride, offsets, taps, depth, weights, products, padded, rounded);
        else
          blocks<4, WIDE>(from, stride, offsets, taps, depth, weights, products, padded, rounded);
        for (int t = 0; t < some; t++) {
          int row = row0 + i * step, column = column0 + (first + t) * step;
          size_t pixel = ((size_t)n * out_height + row) * out_width + column;
          for (int c = 0; c < out; c += LANES) finish(load(products + (size_t)t * padded + c), pixel, c);
        }
      }
  }
}

// ---- Programs: steps one after the other, a few images at a time ----

struct Place {  // of one value: of all images, or (stride 0) an offset in memory for those at work
  char* at;
  ptrdiff_t stride;  // bytes from image to image
};

enum Kind { WINOGRAD, DIRECT, COMBINE };  // COMBINE: y is x, finished

struct Step {
  const float *weights, *bias;
  const int *dy, *dx;
  int kind, rows_are_images, x, add, gate, signs, y;  // the latter five are indices of places, or -1
  int relu, height, width, in, out_height, out_width, out, step, row0, column0, scale, taps, along;
};

static void take(const Step& s, const float* x, Finish finish, int count) {
  // (count, in) is taken as one image of one row, so that the sums of several are at work at once.
  int images = s.rows_are_images ? 1 : count, width = s.rows_are_images ? count : s.width;
  int out_width = s.rows_are_images ? count : s.out_width;
  if (s.kind == WINOGRAD) {
    int known = s.in == s.out ? s.in : 0;
    auto fitting = known == 16   ? winograd<16>
                   : known == 32 ? winograd<32>
                   : known == 64 ? winograd<64>
                                 : winograd<0>;
    fitting(x, s.weights, finish, images, s.height, width, s.in, s.out);
  } else if (s.kind == DIRECT) {
    direct(x, s.weights, finish, images, s.height, width, s.in, s.out_height, out_width, s.out, s.step,
           s.row0, s.column0, s.scale, s.taps, s.along, s.dy, s.dx);
  } else {
    for (size_t pixel = 0; pixel < (size_t)images * s.height * width; pixel++)
      for (int c = 0; c < s.out; c += LANES) finish(load(x + pixel * s.out + c, s.out - c), pixel, c);
  }
}

// Offset of each field and the size of the whole, in the order of the fields in convolutions.py.
extern "C" void step_layout(size_t* found) {
#define AT(field) *found++ = offsetof(Step, field)
  AT(weights), AT(bias), AT(dy), AT(dx), AT(kind), AT(rows_are_images), AT(x), AT(add), AT(gate);
  AT(signs), AT(y), AT(relu), AT(height), AT(width), AT(in), AT(out_height), AT(out_width), AT(out);
  AT(step), AT(row0), AT(column0), AT(scale), AT(taps), AT(along);
#undef AT
  *found = sizeof(Step);
}
extern "C" void place_layout(size_t* found) {
  found[0] = offsetof(Place, at), found[1] = offsetof(Place, stride), found[2] = sizeof(Place);
}

extern "C" int lanes() { return LANES; }
extern "C" int group(int channels) { return group_of(channels); }

// Runs `many` steps for the first `chunk` images, then for the next. bytes: of the memory for values
// of stride 0.
extern "C" void run(const Step* steps, int many, const Place* places, int images, int chunk, size_t bytes) {
  static thread_local std::vector<char> memory;
  if (memory.size() < bytes + 64) memory.resize(bytes + 64);
  char* passed_on = (char*)(((uintptr_t)memory.data() + 63) / 64 * 64);
  for (int first = 0; first < images; first += chunk) {
    auto find = [&](int place) -> char* {
      if (place < 0) return nullptr;
      Place p = places[place];
      return p.stride ? p.at + first * p.stride : passed_on + (uintptr_t)p.at;
    };
    for (const Step* s = steps; s < steps + many; s++) {
      Finish finish{s->bias, (float*)find(s->add), (Signs*)find(s->gate), s->relu,
                    (Signs*)find(s->signs), (float*)find(s->y), s->out, round_up(s->out) / LANES};
      take(*s, (float*)find(s->x), finish, images - first < chunk ? images - first : chunk);
    }
  }
}
