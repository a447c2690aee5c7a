/* A convolution in C: x[B][H][W][I], ftr[I][FH][FW][O], z[B][P][Q][O], all contiguous. */

void convolution(const double *x, const double *ftr, double *z, const long *size)
{
    long B = size[0], H = size[1], W = size[2], I = size[3];
    long FH = size[4], FW = size[5], O = size[6], SH = size[7], SW = size[8];
    long P = (H - FH) / SH + 1, Q = (W - FW) / SW + 1;

    for (long b = 0; b < B; b++)
        for (long p = 0; p < P; p++)
            for (long q = 0; q < Q; q++)
                for (long o = 0; o < O; o++) {
                    double sum = 0;
                    for (long i = 0; i < I; i++)
                        for (long h = 0; h < FH; h++)
                            for (long w = 0; w < FW; w++)
                                sum += x[((b * H + p * SH + h) * W + q * SW + w) * I + i]
                                     * ftr[((i * FH + h) * FW + w) * O + o];
                    z[((b * P + p) * Q + q) * O + o] = sum;
                }
}
