//! What has been measured, for people and for the plot.

use std::{fmt::Write as _, time::Duration};

use image::RgbImage;

use super::milliseconds;

/// One contender on one photo.
pub(crate) struct Row {
    pub(crate) photo: String,
    pub(crate) megapixels: u32,
    pub(crate) bytes: usize,
    pub(crate) contender: &'static str,
    pub(crate) times: Vec<Duration>,
    /// The same on a tiny image, for what is a process.
    pub(crate) starts: Vec<Duration>,
    pub(crate) copy: Copy,
}

/// What came of it.
pub(crate) struct Copy {
    pub(crate) size: (u32, u32),
    pub(crate) bytes: usize,
    /// How close it is to the reference, in decibels (PSNR).
    pub(crate) quality: f64,
}

impl Row {
    fn median(&self) -> f64 {
        median(&self.times).unwrap_or_default()
    }

    /// The median without that of a start; 0 where hardly more than that is left.
    fn without_start(&self) -> f64 {
        (self.median() - median(&self.starts).unwrap_or_default()).max(0.0)
    }

    fn least(&self) -> f64 {
        self.times.iter().min().copied().map_or(0.0, milliseconds)
    }

    fn most(&self) -> f64 {
        self.times.iter().max().copied().map_or(0.0, milliseconds)
    }
}

fn median(times: &[Duration]) -> Option<f64> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().map(milliseconds)
}

/// PSNR over all channels; 0 for another size.
pub(crate) fn quality(copy: &RgbImage, reference: &RgbImage) -> f64 {
    if copy.dimensions() != reference.dimensions() {
        return 0.0;
    }
    let pairs = copy.as_raw().iter().zip(reference.as_raw());
    let squares: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    let sum: f64 = u32::try_from(squares).map_or(f64::from(u32::MAX), f64::from);
    let count = u32::try_from(copy.as_raw().len()).map_or(0.0, f64::from);
    10.0 * (255.0_f64.powi(2) * count / sum).log10()
}

/// For people: times in milliseconds, and ours as a share of each.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut table = String::from(
        "\n| photo | bytes/pixel | by | median ms | min–max | without start | ours / it | copy | bytes | PSNR dB |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for row in rows {
        let mut same_photo = rows.iter().filter(|other| other.photo == row.photo);
        let ours = same_photo.next().map_or(0.0, Row::median);
        let (width, height) = row.copy.size;
        let share = if row.starts.is_empty() || row.without_start() < 1.0 {
            format!("{:.2}", ours / row.median())
        } else {
            let without = ours / row.without_start();
            format!("{:.2}; {without:.2} without start", ours / row.median())
        };
        let density = megabytes(row.bytes) / f64::from(row.megapixels);
        let _ = writeln!(
            table,
            "| {} | {density:.2} | {} | {:.1} | {:.1}–{:.1} | {:.1} | {share} | {width}×{height} | {} | {:.1} |",
            row.photo,
            row.contender,
            row.median(),
            row.least(),
            row.most(),
            row.without_start(),
            row.copy.bytes,
            row.copy.quality,
        );
    }
    table
}

fn megabytes(bytes: usize) -> f64 {
    u32::try_from(bytes).map_or(0.0, f64::from) / 1e6
}

/// For the plot.
pub(crate) fn csv(rows: &[Row]) -> String {
    let mut csv = String::from(
        "photo,megapixels,file_bytes,contender,median_ms,min_ms,max_ms,without_start_ms,\
         copy_width,copy_height,copy_bytes,psnr_db\n",
    );
    for row in rows {
        let _ = writeln!(
            csv,
            "{},{},{},{},{:.2},{:.2},{:.2},{:.2},{},{},{},{:.2}",
            row.photo,
            row.megapixels,
            row.bytes,
            row.contender,
            row.median(),
            row.least(),
            row.most(),
            row.without_start(),
            row.copy.size.0,
            row.copy.size.1,
            row.copy.bytes,
            row.copy.quality,
        );
    }
    csv
}
