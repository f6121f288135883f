use std::{pin::pin, task::Poll};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use proptest::prelude::*;

use super::*;

const MAX: u64 = 256 * 1024;
const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0 a picture";

fn part(headers: &str, content: &[u8]) -> Vec<u8> {
    [
        b"--line\r\n",
        headers.as_bytes(),
        b"\r\n\r\n",
        content,
        b"\r\n",
    ]
    .concat()
}

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    let headers = format!("Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"");
    part(&headers, content)
}

/// A form with these parts.
fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), b"--line--\r\n".to_vec()].concat()
}

fn sent(body: Body) -> UploadForm {
    UploadForm {
        content_type: Some("multipart/form-data; boundary=line".to_owned()),
        length: None,
        body,
    }
}

/// A form that arrives in pieces of so many bytes.
fn in_pieces(form: &[u8], length: usize) -> UploadForm {
    let pieces: Vec<_> = form.chunks(length).map(Bytes::copy_from_slice).collect();
    let pieces = pieces.into_iter().map(Ok::<_, std::io::Error>);
    sent(Body::from_bytes_stream(stream::iter(pieces)))
}

async fn receive(form: &[u8]) -> Result<(String, Bytes), ApiError> {
    let received = in_pieces(form, 1_000).receive(MAX).await?;
    let bytes = received.file.read().await.unwrap();
    Ok((received.name.as_str().to_owned(), bytes))
}

async fn refused(form: &[u8]) -> (ProblemKind, String) {
    let error = receive(form).await.unwrap_err();
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn a_file_is_received_under_its_name() {
    let long = [JPEG, &vec![b'-'; 200_000]].concat();
    for content in [JPEG, &long] {
        let (name, bytes) = receive(&form(&[file("a b.jpg", content)])).await.unwrap();
        assert_eq!((&*name, &*bytes), ("a b.jpg", content));
    }
}

#[tokio::test]
async fn a_form_of_other_parts_is_refused() {
    let note = part("Content-Disposition: form-data; name=\"note\"", b"hello");
    let unnamed = part("Content-Type: image/jpeg", JPEG);
    let image = file("a.jpg", JPEG);
    for parts in [
        vec![],
        vec![note.clone()],
        vec![unnamed],
        vec![note.clone(), image.clone()],
        vec![image.clone(), note],
        vec![image.clone(), image],
    ] {
        let (kind, why) = refused(&form(&parts)).await;
        assert_eq!(kind, ProblemKind::InvalidRequest, "{why}");
    }
}

#[tokio::test]
async fn a_form_without_its_final_boundary_is_refused_wherever_it_is_cut() {
    let whole = form(&[file("a.jpg", JPEG)]);
    // The line end after the final boundary may be missing.
    for length in 0..whole.len() - 2 {
        let (kind, why) = refused(&whole[..length]).await;
        assert_eq!(kind, ProblemKind::InvalidRequest, "{length}: {why}");
    }
    assert!(receive(&whole[..whole.len() - 2]).await.is_ok());
}

#[tokio::test]
async fn a_file_that_is_not_what_its_name_says_is_refused() {
    for (name, content) in [
        ("x.txt", JPEG),
        ("x", JPEG),
        ("", JPEG),
        ("x.jpg.txt", JPEG),
        ("x.png", JPEG),
        ("x.webp", JPEG),
        ("x.jpg", b"\x89PNG\r\n\x1A\n a picture"),
        ("x.jpg", b"# a sidecar"),
        ("x.jpg", b"\xFF\xD8"),
        ("x.jpg", b""),
    ] {
        let (kind, why) = refused(&form(&[file(name, content)])).await;
        assert_eq!(kind, ProblemKind::UnsupportedMediaType, "{name}: {why}");
    }
    let (kind, why) = refused(&form(&[file(".x.jpg", JPEG)])).await;
    assert_eq!(kind, ProblemKind::InvalidRequest, "{why}");
}

#[tokio::test]
async fn another_media_type_or_boundary_is_refused() {
    let long = format!("multipart/form-data; boundary={}", "b".repeat(71));
    for (content_type, expected) in [
        (None, ProblemKind::UnsupportedMediaType),
        (Some("image/jpeg"), ProblemKind::UnsupportedMediaType),
        (
            Some("multipart/mixed; boundary=line"),
            ProblemKind::UnsupportedMediaType,
        ),
        (Some("multipart/form-data"), ProblemKind::InvalidRequest),
        (Some(&*long), ProblemKind::InvalidRequest),
    ] {
        let form = UploadForm {
            content_type: content_type.map(str::to_owned),
            ..sent(Body::from_bytes(form(&[file("a.jpg", JPEG)]).into()))
        };
        let error = form.receive(MAX).await.unwrap_err();
        assert_eq!(error.kind(), expected, "{content_type:?}");
    }
}

/// A body without end, and how many bytes of it have been read.
fn endless(
    beginning: Vec<u8>,
    more: &'static [u8],
) -> (Body, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    let read = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&read);
    let beginning = stream::once(async move { Bytes::from(beginning) });
    let body = beginning.chain(stream::repeat(Bytes::from_static(more)));
    let body = body.map(move |bytes| {
        count.fetch_add(bytes.len(), std::sync::atomic::Ordering::Relaxed);
        Ok::<_, std::io::Error>(bytes)
    });
    (Body::from_bytes_stream(body), read)
}

#[tokio::test]
async fn too_large_a_file_is_refused_while_it_arrives() {
    let mut beginning = file("a.jpg", JPEG);
    beginning.truncate(beginning.len() - 2);
    let (body, read) = endless(beginning, &[b'-'; 10_000]);
    let error = sent(body).receive(MAX).await.unwrap_err();
    assert_eq!(error.kind(), ProblemKind::PayloadTooLarge);
    let read = read.load(std::sync::atomic::Ordering::Relaxed) as u64;
    assert!(read < MAX + 64 * 1024, "{read}");
}

#[tokio::test]
async fn a_declared_length_is_refused_before_anything_is_read() {
    let mut form = sent(Body::from_bytes_stream(stream::pending::<
        std::io::Result<Bytes>,
    >()));
    form.length = Some(MAX + OVERHEAD + 1);
    let error = form.receive(MAX).await.unwrap_err();
    assert_eq!(error.kind(), ProblemKind::PayloadTooLarge);
}

#[tokio::test]
async fn what_is_around_the_file_has_a_bound() {
    let headers =
        b"--line\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\nX: ";
    for beginning in [
        b"no boundary yet".to_vec(),
        headers.to_vec(),
        b"--line".to_vec(),
    ] {
        let (body, read) = endless(beginning.clone(), &[b' '; 1_000]);
        let error = sent(body).receive(MAX).await.unwrap_err();
        assert_eq!(error.kind(), ProblemKind::InvalidRequest);
        let read = read.load(std::sync::atomic::Ordering::Relaxed);
        assert!(read < 64 * 1024, "{read}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_pauses_or_is_slow_is_refused() {
    let mut beginning = file("a.jpg", JPEG);
    beginning.truncate(beginning.len() - 2);
    let beginning = stream::iter([Ok::<_, std::io::Error>(Bytes::from(beginning))]);
    let body = beginning.chain(stream::pending());
    let error = sent(Body::from_bytes_stream(body))
        .receive(MAX)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ProblemKind::RequestTimeout);

    let beginning = stream::iter([Bytes::from(file("a.jpg", JPEG))]);
    let drops = stream::repeat(Bytes::from_static(b"-")).then(|drop| async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        drop
    });
    let body = beginning.chain(drops).map(Ok::<_, std::io::Error>);
    let error = sent(Body::from_bytes_stream(body))
        .receive(MAX)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ProblemKind::RequestTimeout);
}

#[tokio::test]
async fn a_reader_gets_one_small_piece_each_time_that_it_asks() {
    let body = Body::from_bytes(vec![b'-'; 40_000].into());
    let mut pieces = pin!(Pieces::new(body, Allowance::new()));
    let mut lengths = Vec::new();
    loop {
        match futures_util::poll!(pieces.next()) {
            Poll::Ready(Some(piece)) => match piece {
                Ok(piece) => lengths.push(piece.len()),
                Err(error) => break assert!(matches!(error, PieceError::TooMuchAround)),
            },
            Poll::Ready(None) => unreachable!("there is more than may be around a file"),
            Poll::Pending => lengths.push(0),
        }
    }
    assert_eq!(lengths, [16 * 1024, 0, 16 * 1024, 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever bytes come, in whatever pieces: an answer, and never a file that is no image.
    #[test]
    fn any_bytes_are_answered(
        before in prop::collection::vec(any::<u8>(), 0..60),
        content in prop::collection::vec(any::<u8>(), 0..200),
        cut in 0_usize..400,
        piece in 1_usize..50,
    ) {
        let content = [JPEG, &content[..]].concat();
        let mut body = [before, form(&[file("a.jpg", &content)])].concat();
        body.truncate(cut);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let received = runtime.block_on(async {
            let received = in_pieces(&body, piece).receive(MAX).await.ok()?;
            received.file.read().await.ok()
        });
        if let Some(received) = received {
            prop_assert!(content.starts_with(&received), "a part at most, where it has a boundary of its own");
            prop_assert!(body.ends_with(b"--line--\r\n") || body.ends_with(b"--line--\r") || body.ends_with(b"--line--"));
        }
    }
}
