/* A convolution in C: cc -O2 -o convolution convolution.c
   convcheck check convolution=exec:./convolution,dtypes=float32+float64 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONVOLVE(NAME, REAL)                                                                     \
    static void NAME(const REAL *x, const REAL *ftr, REAL *z, const long *n, const long *f,      \
                     const long *s, const long *out)                                             \
    {                                                                                            \
        for (long b = 0; b < out[0]; b++)                                                        \
        for (long p = 0; p < out[1]; p++)                                                        \
        for (long q = 0; q < out[2]; q++)                                                        \
        for (long o = 0; o < out[3]; o++) {                                                      \
            REAL sum = 0;                                                                        \
            for (long i = 0; i < f[0]; i++)                                                      \
            for (long h = 0; h < f[1]; h++)                                                      \
            for (long w = 0; w < f[2]; w++)                                                      \
                sum += x[((b * n[1] + p * s[0] + h) * n[2] + q * s[1] + w) * n[3] + i]           \
                     * ftr[((i * f[1] + h) * f[2] + w) * f[3] + o];                              \
            z[((b * out[1] + p) * out[2] + q) * out[3] + o] = sum;                               \
        }                                                                                        \
    }
CONVOLVE(convolve_float, float)
CONVOLVE(convolve_double, double)

/* Reads `count` integers from the list that `key` names in a line of JSON, or of a .npy header. */
static void integers(const char *line, const char *key, long *to, int count)
{
    const char *at = strstr(line, key);
    at = at ? strpbrk(at, "[(") : NULL;
    for (int n = 0; n < count; n++) {
        if (!at) exit(1);
        to[n] = strtol(at + 1, (char **)&at, 10);
    }
}

/* Reads a .npy file of four axes: its shape, and its bytes, whose number is in `size`. */
static void *array(long *shape, size_t *size, int *is_double)
{
    unsigned char start[10];
    char header[65536];
    if (fread(start, 1, 10, stdin) != 10) exit(1);
    size_t length = start[8] | start[9] << 8;
    if (fread(header, 1, length, stdin) != length) exit(1);
    header[length] = 0;
    integers(header, "'shape'", shape, 4);
    *is_double = strstr(header, "<f8") != NULL;
    *size = shape[0] * shape[1] * shape[2] * shape[3] * (*is_double ? 8 : 4);
    void *data = malloc(*size + 1);
    if (fread(data, 1, *size, stdin) != *size) exit(1);
    return data;
}

int main(void)
{
    char *line = NULL;
    size_t room = 0, size;
    while (getline(&line, &room, stdin) > 0) {
        long stride[2], out[4], n[4], f[4];
        int is_double;
        integers(line, "\"strd\"", stride, 2);
        integers(line, "\"result\"", out, 4);
        void *x = array(n, &size, &is_double), *ftr = array(f, &size, &is_double);
        size = out[0] * out[1] * out[2] * out[3] * (is_double ? 8 : 4);
        void *z = malloc(size + 1);
        if (is_double) convolve_double(x, ftr, z, n, f, stride, out);
        else convolve_float(x, ftr, z, n, f, stride, out);

        /* The header of the answer is filled up to a multiple of 64 bytes: 10 + 118 = 128. */
        char header[119];
        int length = snprintf(header, sizeof header,
            "{'descr': '%s', 'fortran_order': False, 'shape': (%ld, %ld, %ld, %ld), }",
            is_double ? "<f8" : "<f4", out[0], out[1], out[2], out[3]);
        printf("\x93NUMPY\x01%c%c%c%s%*s\n", 0, 118, 0, header, 117 - length, "");
        fwrite(z, 1, size, stdout);
        fflush(stdout);
        free(x), free(ftr), free(z);
    }
}
