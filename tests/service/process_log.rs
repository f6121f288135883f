//! What a process that a test has started writes.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    sync::watch,
};
use tokio_util::task::TaskTracker;

/// Everything that a process has written so far.
#[derive(Clone, Default)]
pub(crate) struct Log {
    text: Arc<Mutex<String>>,
    /// Those who read what it writes.
    readers: TaskTracker,
}

impl Log {
    pub(crate) fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    /// All of it, once the process has ended.
    pub(crate) async fn whole_text(&self) -> String {
        self.readers.close();
        self.readers.wait().await;
        self.text()
    }

    /// Reads on for as long as the process writes, and tells the address that it says it listens
    /// on.
    pub(crate) fn follow(
        &self,
        output: impl AsyncRead + Send + Unpin + 'static,
        told: Option<watch::Sender<Option<String>>>,
    ) {
        let log = Arc::clone(&self.text);
        self.readers.spawn(async move {
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(told) = &told
                    && line.contains("listening")
                {
                    let json: Value = serde_json::from_str(&line).unwrap_or_default();
                    if json["message"] == "listening" {
                        told.send_replace(json["address"].as_str().map(str::to_owned));
                    }
                }
                let mut text = log.lock().unwrap();
                text.push_str(&line);
                text.push('\n');
            }
        });
    }
}
