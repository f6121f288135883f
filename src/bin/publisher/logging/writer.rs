//! Writing the log without making anybody wait, and with secrets masked. Used by the rest of this
//! folder.
//!
//! A request must not hang because whoever reads standard output does. So lines are put into a
//! buffer, which a thread of its own looks through for secrets and writes out. When the buffer is
//! full, because nothing has been read for long, there are three choices: wait after all, take ever
//! more memory, or lose lines. Lines are lost; but they are counted, in a metric, and in a line that stands where they would.

use std::{
    borrow::Cow,
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::Duration,
};

use publisher::adapters::redaction::{is_innocent, redact};
use tracing_subscriber::fmt::MakeWriter;

/// What waits to be written at most, in bytes: some ten thousand lines.
const ROOM: usize = 4 * 1024 * 1024;
/// The longest line, in bytes. Lines of JSON are bounded by themselves; this is for the others.
const LONGEST_LINE: usize = 64 * 1024;
/// How much memory is kept for lines, in bytes, when a burst is over; in both buffers.
const KEPT: usize = 64 * 1024;
/// How long lines are gathered before they are written, at most.
const GATHER: Duration = Duration::from_millis(2);
/// How long the process waits at its end for somebody to read the log.
const PATIENCE: Duration = Duration::from_secs(1);

/// The log of the process.
static LOG: OnceLock<Arc<Buffer>> = OnceLock::new();

/// Waits until everything is written that has been logged so far, a second at most. To be called
/// before the process ends.
pub(crate) fn flush() {
    if let Some(buffer) = LOG.get() {
        buffer.flush(PATIENCE);
    }
}

/// Takes lines from the layer, one with each write.
pub(super) struct LogWriter(Arc<Buffer>);

impl LogWriter {
    /// Has what is logged written to `output`.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(super) fn start(output: impl Write + Send + 'static) -> io::Result<Self> {
        let buffer = Arc::new(Buffer::default());
        let source = Arc::clone(&buffer);
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || source.write_to(output))?;
        LOG.get_or_init(|| Arc::clone(&buffer));
        Ok(Self(buffer))
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(&self.0)
    }
}

/// One line on its way.
pub(super) struct Line<'a>(&'a Buffer);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if line.len() <= LONGEST_LINE {
            self.0.push(line);
        } else {
            self.0.push(&cut(&redact(line)));
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn cut(line: &[u8]) -> Vec<u8> {
    let kept = line.get(..LONGEST_LINE).unwrap_or(line);
    let kept = String::from_utf8_lossy(kept);
    format!("{}…\n", kept.trim_end_matches(char::REPLACEMENT_CHARACTER)).into_bytes()
}

/// Lines one after the other.
#[derive(Debug, Default)]
struct Lines {
    text: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Lines {
    fn push(&mut self, line: &[u8]) {
        self.text.extend_from_slice(line);
        self.ends.push(self.text.len());
    }

    fn clear(&mut self) {
        self.text.clear();
        self.text.shrink_to(KEPT);
        self.ends.clear();
        self.ends.shrink_to(KEPT / size_of::<usize>());
    }

    /// As they may be written: with secrets masked, of which there are none as a rule.
    fn masked(&self) -> Cow<'_, [u8]> {
        if is_innocent(&self.text) {
            return Cow::Borrowed(&self.text);
        }
        let mut masked = Vec::with_capacity(self.text.len());
        let mut start = 0;
        for end in &self.ends {
            masked.extend_from_slice(&redact(self.text.get(start..*end).unwrap_or_default()));
            start = *end;
        }
        Cow::Owned(masked)
    }
}

/// Lines that wait to be written.
#[derive(Default)]
struct Buffer {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Lines,
    /// Lines that found no room since the last that did.
    lost: u64,
    is_writing: bool,
    /// Somebody waits until all is written.
    is_awaited: bool,
}

impl State {
    fn is_idle(&self) -> bool {
        self.waiting.text.is_empty() && self.lost == 0
    }
}

impl Buffer {
    /// One buffer for all threads, so that lines stand in the order in which they were logged. The
    /// lock is held for as long as copying a line takes.
    fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        let was_idle = state.is_idle();
        // Once lines are lost, all are until there is room again: the gap is in one place.
        if state.lost > 0 || state.waiting.text.len() + line.len() > ROOM {
            state.lost += 1;
            drop(state);
            metrics::counter!("publisher_log_lines_lost_total").increment(1);
        } else {
            state.waiting.push(line);
            drop(state);
        }
        // Whoever comes first wakes the writer, for all who come until it has looked.
        if was_idle {
            self.changed.notify_all();
        }
    }

    /// Writes whatever comes, for the life of the process.
    fn write_to(&self, mut output: impl Write) {
        let mut is_broken = false;
        let mut lines = Lines::default();
        loop {
            let lost = self.next(&mut lines);
            let written = output.write_all(&lines.masked());
            let written = written.and_then(|()| output.flush());
            if let Err(error) = &written
                && !is_broken
            {
                // The log cannot tell of itself. Where standard error is closed too, nothing can.
                let _ = writeln!(io::stderr(), "The log cannot be written: {error}");
            }
            is_broken = written.is_err();
            if lost > 0 {
                tracing::warn!(
                    lines = lost,
                    "lines are missing here: they came faster than the log was read"
                );
            }
            self.lock().is_writing = false;
            self.changed.notify_all();
        }
    }

    /// Waits for the first line, and then a moment for more: one write for many costs what one
    /// for each would. Puts all of them into a buffer whose memory is used again, and tells how
    /// many were lost after them.
    fn next(&self, lines: &mut Lines) -> u64 {
        lines.clear();
        let is_idle = |state: &mut State| state.is_idle();
        let there = self.changed.wait_while(self.lock(), is_idle);
        let state = there.unwrap_or_else(PoisonError::into_inner);
        let is_alone = |state: &mut State| !state.is_awaited;
        let gathered = self.changed.wait_timeout_while(state, GATHER, is_alone);
        let (mut state, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        state.is_writing = true;
        std::mem::swap(&mut state.waiting, lines);
        std::mem::take(&mut state.lost)
    }

    fn flush(&self, limit: Duration) {
        let mut state = self.lock();
        state.is_awaited = true;
        self.changed.notify_all();
        let is_busy = |state: &mut State| state.is_writing || !state.is_idle();
        // Whether it was written or the time was up makes no difference to who ends.
        let waited = self.changed.wait_timeout_while(state, limit, is_busy);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.is_awaited = false;
    }

    /// Nothing under the lock can panic half-way.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Writes nothing until it is told to.
    struct Held {
        go_on: mpsc::Receiver<()>,
        written: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Held {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let gone = |_| io::Error::other("gone");
            self.go_on.recv().map_err(gone)?;
            self.written
                .send(bytes.to_vec())
                .map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn held() -> (LogWriter, mpsc::Sender<()>, mpsc::Receiver<Vec<u8>>) {
        let (go, go_on) = mpsc::channel();
        let (written, writes) = mpsc::channel();
        let log = LogWriter::start(Held { go_on, written }).unwrap();
        (log, go, writes)
    }

    #[test]
    fn nobody_waits_for_a_reader_that_hangs_and_lost_lines_are_counted() {
        let (log, go, writes) = held();
        let line = vec![b'x'; 32 * 1024];
        log.make_writer().write_all(b"first\n").unwrap();
        // The thread has taken it, and hangs.
        while !log.0.lock().is_writing {
            thread::yield_now();
        }
        for _ in 0..ROOM / line.len() + 10 {
            log.make_writer().write_all(&line).unwrap();
        }
        log.make_writer().write_all(b"small\n").unwrap();
        assert_eq!(log.0.lock().lost, 11);
        go.send(()).unwrap();
        assert_eq!(writes.recv().unwrap(), b"first\n");
        go.send(()).unwrap();
        assert_eq!(writes.recv().unwrap().len(), ROOM);
        go.send(()).unwrap();
        log.make_writer().write_all(b"last\n").unwrap();
        assert_eq!(writes.recv().unwrap(), b"last\n");
    }

    #[test]
    fn what_is_written_is_masked_and_bounded() {
        let (log, go, writes) = held();
        go.send(()).unwrap();
        log.make_writer().write_all(b"password=abc\n").unwrap();
        assert_eq!(writes.recv().unwrap(), b"password=***\n");
        let endless = "é".repeat(LONGEST_LINE);
        go.send(()).unwrap();
        log.make_writer().write_all(endless.as_bytes()).unwrap();
        let written = String::from_utf8(writes.recv().unwrap()).unwrap();
        assert!(written.len() <= LONGEST_LINE + 4 && written.ends_with("é…\n"));
    }

    #[test]
    fn flushing_waits_until_all_is_written_but_not_for_ever() {
        let (log, go, writes) = held();
        log.make_writer().write_all(b"one\n").unwrap();
        log.0.flush(Duration::from_millis(10));
        assert!(writes.try_recv().is_err());
        go.send(()).unwrap();
        log.0.flush(Duration::from_mins(1));
        assert_eq!(writes.try_recv().unwrap(), b"one\n");
    }
}
