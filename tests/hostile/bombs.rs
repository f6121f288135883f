//! Images that take far more than they look like: they are looked at before anything is decoded.

use publisher_sandbox::{Sample, Sandbox, TenantSpec};
use serde_json::json;

use crate::harness::Service;

/// What the file itself, and its way to the platforms, may take beside what is decoded, in bytes.
const MOST: u64 = 110_000_000;

/// A WebP whose canvas is one pixel, with a lossless picture of 16383 by 16383.
fn webp_larger_than_its_canvas() -> Vec<u8> {
    let sides = (0x3FFE_u32 | (0x3FFE << 14)).to_le_bytes();
    let mut frame = vec![0x2F];
    frame.extend(sides);
    frame.resize(64, 0);
    let mut body = b"WEBPVP8X\x0A\0\0\0\0\0\0\0\0\0\0\0\0\0VP8L".to_vec();
    body.extend(u32::try_from(frame.len()).unwrap().to_le_bytes());
    body.extend(frame);
    let mut file = b"RIFF".to_vec();
    file.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
    file.extend(body);
    file
}

/// A PNG with two million empty texts before its pixels.
fn png_of_many_pieces() -> Vec<u8> {
    let whole = Sample::png("any.png", 64, 48, 1).unwrap().bytes;
    let (head, tail) = whole.split_at(8 + 25);
    // Length 0, type, checksum.
    let piece = b"\0\0\0\0tEXt\x6F\xC8\xEF\x22";
    [head, &piece.repeat(2_000_000), tail].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bomb_is_refused_or_copied_within_bounds_and_the_next_image_is_published() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    sandbox.dropbox.switches().keep_requests(false);
    let photo = Sample::jpeg("photo.jpg", 64, 48, 1).unwrap();
    let bombs = [
        Sample::new("canvas.webp", webp_larger_than_its_canvas()),
        Sample::new("pieces.png", png_of_many_pieces()),
    ];
    let spec = TenantSpec::new("carol").images([photo]).images(bombs);
    let carol = sandbox.add_tenant(spec);
    let service = Service::start(&sandbox).await;
    let dry = json!({"caption": "Hi", "dry_run": true});
    let warm = service.publish(&sandbox, &carol, "photo.jpg", dry).await;
    assert_eq!(warm.status, 200);
    let before = service.peak_memory();
    for (bomb, may_be_sent) in [("canvas.webp", false), ("pieces.png", true)] {
        let caption = json!({"caption": "Hi"});
        let answer = service.publish(&sandbox, &carol, bomb, caption).await;
        let is_sent = answer.status == 200 && answer.json()["any_success"] == true;
        assert!(
            answer.status < 500 && (may_be_sent || !is_sent),
            "{answer:?}"
        );
        let grown = service.peak_memory() - before;
        println!("{bomb}: {grown} bytes, {}", answer.status);
        assert!(grown < MOST, "{bomb}: {grown} bytes");
    }
    let next = service.publish(&sandbox, &carol, "photo.jpg", json!({"caption": "Hi"}));
    assert_eq!(next.await.json()["any_success"], true);
}
