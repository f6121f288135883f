//! Writes the log without blocking a request, and with secrets masked.
//!
//! A request must not hang because the reader of standard output does. So lines go through a bounded queue to a
//! thread that masks and writes them. When the queue is full, because nothing has been read for long, lines are
//! lost; they are counted in a metric, and in a line after the gap.

use std::{
    io::{self, BufWriter, Write},
    sync::{OnceLock, mpsc},
    thread,
    time::Duration,
};

use parking_lot::Mutex;
use publisher::adapters::redaction::redact;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

/// How many lines wait to be written at most: some four megabytes.
const MAX_LINES: usize = 8 * 1024;
/// How long the process waits at its end for the log to be read.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long the thread sleeps when no line waits. The lines of that time are written together: waking the thread
/// for one line costs several times as much as formatting it.
const PAUSE: Duration = Duration::from_millis(2);

/// The log of the process.
static LOG: OnceLock<Log> = OnceLock::new();

struct Log {
    lost: ErrorCounter,
    /// Writes what is left when it is dropped.
    guard: Mutex<Option<WorkerGuard>>,
}

/// Ends the log, and waits until everything is written that has been logged so far, a second at
/// most. To be called before the process ends.
pub(crate) fn flush() {
    let guard = |log: &Log| log.guard.lock().take();
    let Some(guard) = LOG.get().and_then(guard) else {
        return;
    };
    // In a thread: the guard prints to standard output where it waits in vain, which hangs then.
    let (written, is_written) = mpsc::channel();
    thread::spawn(move || {
        drop(guard);
        written.send(())
    });
    let _ = is_written.recv_timeout(PATIENCE);
}

/// Brings the metric of lost lines up to date.
pub(crate) fn count_lost_lines() {
    let lost = LOG.get().map_or(0, |log| log.lost.dropped_lines());
    metrics::counter!("publisher_log_lines_lost_total").absolute(lost as u64);
}

/// Has what is logged written to `output`.
pub(super) fn start(output: impl Write + Send + 'static) -> NonBlocking {
    let (lines, guard) = NonBlockingBuilder::default()
        .thread_name("log")
        .buffered_lines_limit(MAX_LINES)
        .finish(Masking::of(output));
    LOG.get_or_init(|| Log {
        lost: lines.error_counter(),
        guard: Mutex::new(Some(guard)),
    });
    lines
}

/// Masks each line, which it takes whole, and writes as many at once as there are.
struct Masking<W: Write> {
    output: BufWriter<W>,
    is_broken: bool,
    /// Lines that were lost, as far as the log says so.
    lost: usize,
}

impl<W: Write> Masking<W> {
    fn of(output: W) -> Self {
        Self {
            output: BufWriter::new(output),
            is_broken: false,
            lost: 0,
        }
    }

    fn note<T>(&mut self, written: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &written
            && !self.is_broken
        {
            // The log cannot report its own failure. If standard error is closed too, nothing can.
            let _ = writeln!(io::stderr(), "The log cannot be written: {error}");
        }
        self.is_broken = written.is_err();
        written
    }
}

impl<W: Write> Write for Masking<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let written = self.output.write_all(&redact(line));
        self.note(written).map(|()| line.len())
    }

    /// Called when no line waits.
    fn flush(&mut self) -> io::Result<()> {
        // First, while there is room for it: the queue may fill up while the output is written.
        let lost = LOG.get().map_or(0, |log| log.lost.dropped_lines());
        if lost > self.lost {
            tracing::warn!(
                lines = lost - self.lost,
                "log lines were lost: they came faster than the log was read"
            );
            self.lost = lost;
        }
        let written = self.output.flush();
        thread::sleep(PAUSE);
        self.note(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes nothing until it is released.
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

    #[test]
    fn no_line_waits_for_a_reader_that_hangs_and_lost_lines_are_counted() {
        let (go, go_on) = mpsc::channel();
        let (written, writes) = mpsc::channel();
        let mut log = start(Held { go_on, written });
        let lost = log.error_counter();
        for _ in 0..2 * MAX_LINES {
            log.write_all(b"password=abc\n").unwrap();
        }
        // Some are with the thread, which hangs.
        let all = lost.dropped_lines();
        assert!((MAX_LINES / 2..=MAX_LINES).contains(&all), "{all}");
        drop(go);
        assert_eq!(writes.try_iter().count(), 0);
    }

    #[test]
    fn what_is_written_is_masked_and_ending_waits_for_it_but_not_for_ever() {
        let (go, go_on) = mpsc::channel();
        let (written, writes) = mpsc::channel();
        let mut log = Masking::of(Held { go_on, written });
        go.send(()).unwrap();
        log.write_all(b"password=abc\n").unwrap();
        log.flush().unwrap();
        assert_eq!(writes.recv().unwrap(), b"password=***\n");
    }
}
