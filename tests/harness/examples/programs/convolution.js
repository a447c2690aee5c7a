#!/usr/bin/env node
// A convolution in JavaScript: chmod +x convolution.js
// convcheck check convolution=exec:./convolution.js,dtypes=float32+float64
"use strict";
const fs = require("fs");

let input = Buffer.alloc(0);

// Reads more of standard input; false where it has ended.
function more() {
  const piece = Buffer.alloc(65536), count = fs.readSync(0, piece);
  input = Buffer.concat([input, piece.subarray(0, count)]);
  return count > 0;
}

function read(size) {
  while (input.length < size) if (!more()) process.exit(1);
  const bytes = input.subarray(0, size);
  input = input.subarray(size);
  return bytes;
}

function readLine() {
  while (!input.includes(10)) if (!more()) return "";
  return read(input.indexOf(10) + 1).toString();
}

function readArray() {
  const header = read(read(10).readUInt16LE(8)).toString("latin1");
  const shape = /'shape': \(([^)]*)\)/.exec(header)[1].split(",").filter((n) => n.trim()).map(Number);
  const Real = header.includes("<f8") ? Float64Array : Float32Array;
  const bytes = read(shape.reduce((a, b) => a * b, Real.BYTES_PER_ELEMENT));
  const data = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  return { shape, data: new Real(data) };
}

function writeArray(data, shape) {
  const descr = `<f${data.BYTES_PER_ELEMENT}`;
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`;
  // The header is filled up to a multiple of 64 bytes: 10 + 118 = 128.
  const start = "\x93NUMPY\x01\x00\x76\x00" + header.padEnd(117) + "\n";
  const bytes = Buffer.concat([Buffer.from(start, "latin1"), Buffer.from(data.buffer)]);
  for (let done = 0; done < bytes.length; ) done += fs.writeSync(1, bytes, done);
}

function convolution(x, ftr, [SH, SW], [B, P, Q, O]) {
  const [, H, W, I] = x.shape, [, FH, FW] = ftr.shape;
  const z = new x.data.constructor(B * P * Q * O);
  let at = 0;
  for (let b = 0; b < B; b++)
    for (let p = 0; p < P; p++)
      for (let q = 0; q < Q; q++)
        for (let o = 0; o < O; o++, at++) {
          let sum = 0;
          for (let i = 0; i < I; i++)
            for (let h = 0; h < FH; h++)
              for (let w = 0; w < FW; w++)
                sum += x.data[((b * H + p * SH + h) * W + q * SW + w) * I + i]
                     * ftr.data[((i * FH + h) * FW + w) * O + o];
          z[at] = sum;
        }
  return z;
}

for (let line; (line = readLine()) !== ""; ) {
  const { strd, result } = JSON.parse(line);
  writeArray(convolution(readArray(), readArray(), strd, result), result);
}
