//! The size of a file without metadata: what it is for limits, and for memory.

use std::{pin::pin, time::Duration};

use super::*;

#[tokio::test]
async fn metadata_makes_no_image_too_large_for_a_platform() {
    let clean = photo_of(false);
    let segments = segment(0xEF, &vec![0; 60_000]).repeat(30);
    let image = encoded(insert(clean.bytes(), 2, &segments));
    let limits = ImageLimits {
        max_bytes: clean.bytes().len() as u64,
        ..LIMITS
    };
    let scaler = ImageScaler::default();
    let sent = scaler.strip_metadata(&image).await.unwrap();
    assert_eq!(scaler.meet(&sent, limits).await.unwrap(), clean);
}

#[tokio::test(start_paused = true)]
async fn a_file_waits_for_its_memory_and_returns_it() {
    let mut bytes = photo_of(false).bytes().to_vec();
    bytes.resize(2 * 1024 * 1024, 0);
    let image = encoded(bytes);
    let scaler = ImageScaler::within(1024 * 1024);
    assert_eq!(
        scaler.strip_metadata(&image).await,
        Err(ImageProcessingError::TooMuchMemory { most_mib: 1 })
    );
    let scaler = ImageScaler::within(3 * 1024 * 1024);
    for _ in 0..2 {
        assert!(scaler.strip_metadata(&image).await.is_ok());
    }
    let taken = scaler.budget.acquire(2 * 1024 * 1024).await.unwrap();
    let mut waiting = pin!(scaler.strip_metadata(&image));
    // The clock goes on when nothing else does.
    let ended = tokio::time::timeout(Duration::from_secs(1), waiting.as_mut());
    assert!(ended.await.is_err(), "it did not wait");
    drop(taken);
    assert!(waiting.await.is_ok());
}
