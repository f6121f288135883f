//! From the coefficients of a block to its pixels, in fewer of them: the inverse transform over the
//! lowest frequencies alone, which is a scaling with a sharp filter and costs less than none.
//!
//! Written as loops over four at a time, which the compiler makes vector instructions of.

/// √2 · cos(π/8) and √2 · cos(3π/8).
const WIDE: f32 = 1.306_563;
const NARROW: f32 = 0.541_196_1;
/// From the scale of coefficients to that of pixels.
const SCALE: f32 = 0.125;

/// A pixel for the whole block.
pub(super) fn to_1(block: &[i32; 64], factors: &[f32; 64]) -> [[u8; 1]; 1] {
    [[pixel(lowest::<1>(block, factors)[0][0])]]
}

/// Two by two.
pub(super) fn to_2(block: &[i32; 64], factors: &[f32; 64]) -> [[u8; 2]; 2] {
    let [[a, b], [c, d]] = lowest(block, factors);
    [
        [pixel(a + b + c + d), pixel(a - b + c - d)],
        [pixel(a + b - c - d), pixel(a - b - c + d)],
    ]
}

/// Four by four.
pub(super) fn to_4(block: &[i32; 64], factors: &[f32; 64]) -> [[u8; 4]; 4] {
    let columns = columns(lowest(block, factors));
    let rows = transposed(self::columns(transposed(columns)));
    let mut pixels = [[0; 4]; 4];
    for (row, pixels) in rows.iter().zip(&mut pixels) {
        for (value, place) in row.iter().zip(pixels) {
            *place = pixel(*value);
        }
    }
    pixels
}

#[inline]
#[expect(
    clippy::cast_precision_loss,
    reason = "coefficients have at most 16 bits"
)]
fn lowest<const N: usize>(block: &[i32; 64], factors: &[f32; 64]) -> [[f32; N]; N] {
    let mut lowest = [[0.0; N]; N];
    for (y, row) in lowest.iter_mut().enumerate() {
        for (x, value) in row.iter_mut().enumerate() {
            *value = block[8 * y + x] as f32 * factors[8 * y + x];
        }
    }
    lowest
}

/// In each column, four values from four frequencies.
#[inline]
fn columns([a, b, c, d]: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    let mut out = [[0.0; 4]; 4];
    for at in 0..4 {
        let (even, odd) = (a[at] + c[at], a[at] - c[at]);
        let outer = WIDE * b[at] + NARROW * d[at];
        let inner = NARROW * b[at] - WIDE * d[at];
        out[0][at] = even + outer;
        out[1][at] = odd + inner;
        out[2][at] = odd - inner;
        out[3][at] = even - outer;
    }
    out
}

#[inline]
fn transposed(from: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    let mut to = [[0.0; 4]; 4];
    for (y, row) in from.iter().enumerate() {
        for (x, value) in row.iter().enumerate() {
            to[x][y] = *value;
        }
    }
    to
}

/// A pixel from eight times its distance to grey.
#[inline]
fn pixel(value: f32) -> u8 {
    /// Added to a small number, this leaves its whole part as the lowest bits.
    const WHOLE: f32 = 12_582_912.0;
    let value = (value * SCALE + 128.0).clamp(0.0, 255.0);
    (value + WHOLE).to_bits().to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{PI, SQRT_2};

    use super::*;

    /// The definition, as slow as it is: the transform of so many of the lowest frequencies.
    fn defined(n: u32, block: &[i32; 64], factors: &[f32; 64]) -> Vec<f64> {
        let wave = |frequency: u32, at: u32| {
            let angle = f64::from((2 * at + 1) * frequency) * PI / f64::from(2 * n);
            if frequency == 0 {
                1.0
            } else {
                SQRT_2 * angle.cos()
            }
        };
        let pixel = |pixel: u32| {
            let waves = (0..n * n).map(|index| {
                let (down, across) = (index / n, index % n);
                let place = (8 * down + across) as usize;
                let told = f64::from(block[place]) * f64::from(factors[place]);
                told * wave(down, pixel / n) * wave(across, pixel % n)
            });
            (waves.sum::<f64>() / 8.0 + 128.0).clamp(0.0, 255.0)
        };
        (0..n * n).map(pixel).collect()
    }

    #[test]
    fn pixels_are_what_the_definition_says() {
        let mut random = fastrand::Rng::with_seed(7);
        let factors = [(); 64].map(|()| f32::from(random.u8(1..40)));
        for strength in [0, 1, 5, 50, 5_000] {
            let block = [(); 64].map(|()| random.i32(-strength..=strength));
            let (four, two) = (to_4(&block, &factors), to_2(&block, &factors));
            let one = to_1(&block, &factors);
            for (n, pixels) in [
                (4, four.as_flattened()),
                (2, two.as_flattened()),
                (1, &one[0]),
            ] {
                for (pixel, defined) in pixels.iter().zip(defined(n, &block, &factors)) {
                    let off = (f64::from(*pixel) - defined).abs();
                    assert!(off < 0.51, "{n}, {strength}: {pixel} for {defined}");
                }
            }
        }
    }

    #[test]
    fn the_largest_values_there_can_be_end_at_black_and_white() {
        let factors = [f32::from(u16::MAX); 64];
        assert_eq!(to_4(&[i32::from(i16::MAX); 64], &factors)[0][0], 255);
        assert_eq!(to_4(&[i32::from(i16::MIN); 64], &factors)[0][0], 0);
    }
}
