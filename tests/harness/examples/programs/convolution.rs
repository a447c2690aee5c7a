// A convolution in Rust: rustc -O --edition 2021 convolution.rs
// convcheck check convolution=exec:./convolution,dtypes=float32+float64

use std::io::{self, BufRead, Read, Write};

/// The integers of the list that `key` names in a line of JSON, or of a .npy header.
fn integers(line: &str, key: &str) -> Vec<usize> {
    let rest = &line[line.find(key).expect(key) + key.len()..];
    let list = rest.split(['[', '(']).nth(1).expect(key).split([']', ')']).next().unwrap();
    list.split(',').filter_map(|n| n.trim().parse().ok()).collect()
}

/// Reads a .npy file: its shape, whether it is of float64, and its bytes.
fn array(input: &mut impl Read) -> io::Result<(Vec<usize>, bool, Vec<u8>)> {
    let mut start = [0; 10];
    input.read_exact(&mut start)?;
    let mut header = vec![0; u16::from_le_bytes([start[8], start[9]]) as usize];
    input.read_exact(&mut header)?;
    let header = String::from_utf8_lossy(&header);
    let (shape, double) = (integers(&header, "'shape'"), header.contains("<f8"));
    let mut data = vec![0; shape.iter().product::<usize>() * if double { 8 } else { 4 }];
    input.read_exact(&mut data)?;
    Ok((shape, double, data))
}

macro_rules! convolve {
    ($real:ty, $x:expr, $ftr:expr, $n:expr, $f:expr, $s:expr, $out:expr) => {{
        let size = std::mem::size_of::<$real>();
        let reals = |data: &[u8]| -> Vec<$real> {
            data.chunks(size).map(|c| <$real>::from_le_bytes(c.try_into().unwrap())).collect()
        };
        let (x, ftr, mut z) = (reals($x), reals($ftr), Vec::<u8>::new());
        for b in 0..$out[0] {
            for p in 0..$out[1] {
                for q in 0..$out[2] {
                    for o in 0..$out[3] {
                        let mut sum: $real = 0.0;
                        for i in 0..$f[0] {
                            for h in 0..$f[1] {
                                for w in 0..$f[2] {
                                    let row = (b * $n[1] + p * $s[0] + h) * $n[2];
                                    sum += x[(row + q * $s[1] + w) * $n[3] + i]
                                        * ftr[((i * $f[1] + h) * $f[2] + w) * $f[3] + o];
                                }
                            }
                        }
                        z.extend(sum.to_le_bytes());
                    }
                }
            }
        }
        z
    }};
}

fn main() -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut line = String::new();
    while input.read_line(&mut line)? > 0 {
        let (s, out) = (integers(&line, "\"strd\""), integers(&line, "\"result\""));
        let (n, double, x) = array(&mut input)?;
        let (f, _, ftr) = array(&mut input)?;
        let z = if double {
            convolve!(f64, &x, &ftr, n, f, s, out)
        } else {
            convolve!(f32, &x, &ftr, n, f, s, out)
        };
        let header = format!(
            "{{'descr': '<f{}', 'fortran_order': False, 'shape': ({}, {}, {}, {}), }}",
            if double { 8 } else { 4 }, out[0], out[1], out[2], out[3]
        );
        // The header is filled up to a multiple of 64 bytes: 10 + 118 = 128.
        output.write_all(b"\x93NUMPY\x01\x00\x76\x00")?;
        writeln!(output, "{header:<117}")?;
        output.write_all(&z)?;
        output.flush()?;
        line.clear();
    }
    Ok(())
}
