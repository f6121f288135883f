//! The switches of a stand-in: faults, latency, holds and call counts, by operation name. Used
//! by the stand-ins of this folder and by tests.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::{
    fault::Fault,
    hold::{Gate, Hold},
    latency::Latency,
    record::RecordedRequest,
};

/// A handle on one stand-in's behavior; clones share it.
///
/// A request is recorded, then meets its fault, is processed unless the fault says otherwise,
/// waits for the latency, then for every hold, and is answered. The `…_matching` variants are for
/// those requests alone that [mention](RecordedRequest::mentions) a text, such as a tenant's host.
#[derive(Clone, Debug)]
pub struct Switches {
    shared: Arc<Shared>,
}

impl Switches {
    /// Switches with nothing set.
    pub(super) fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                operations: Mutex::default(),
                keeps_requests: AtomicBool::new(true),
                changes: watch::Sender::new(0),
            }),
        }
    }

    /// The next request of this operation meets `fault`; calls queue up.
    pub fn inject(&self, operation: &str, fault: Fault) {
        self.inject_times(operation, 1, fault);
    }

    /// The next `n` requests of this operation meet `fault`.
    pub fn inject_times(&self, operation: &str, n: usize, fault: Fault) {
        self.queue(operation, n, None, fault);
    }

    /// As [`Switches::inject_times`], for requests that mention `needle`.
    pub fn inject_matching(&self, operation: &str, n: usize, needle: &str, fault: Fault) {
        self.queue(operation, n, Some(needle), fault);
    }

    /// Every request of this operation meets `fault` until [`Switches::clear`]. Queued faults
    /// come first.
    pub fn always(&self, operation: &str, fault: Fault) {
        self.edit(operation, |it| it.always.push(Planned::new(None, fault)));
    }

    /// As [`Switches::always`], for requests that mention `needle`.
    pub fn always_matching(&self, operation: &str, needle: &str, fault: Fault) {
        self.edit(operation, |it| {
            it.always.push(Planned::new(Some(needle), fault));
        });
    }

    /// Forgets the faults and the latency of this operation; counts, records and holds stay.
    pub fn clear(&self, operation: &str) {
        self.edit(operation, |it| {
            it.once.clear();
            it.always.clear();
            it.latency = Duration::ZERO;
        });
    }

    /// Every answer of this operation takes this long, or as long as its processing, if that is longer.
    pub fn set_latency(&self, operation: &str, latency: Duration) {
        self.edit(operation, |it| it.latency = latency);
    }

    /// Holds the answers of this operation back.
    pub fn hold(&self, operation: &str) -> Hold {
        self.add_gate(operation, None)
    }

    /// Holds the answers to those requests of this operation that mention `needle`.
    pub fn hold_matching(&self, operation: &str, needle: &str) -> Hold {
        self.add_gate(operation, Some(needle))
    }

    /// How many requests of this operation came, faults included.
    #[must_use]
    pub fn calls(&self, operation: &str) -> usize {
        self.read(operation, |it| it.calls)
    }

    /// How many recorded requests of this operation mention `needle`.
    #[must_use]
    pub fn calls_matching(&self, operation: &str, needle: &str) -> usize {
        self.read(operation, |it| {
            let mentions = |request: &&RecordedRequest| request.mentions(needle);
            it.requests.iter().filter(mentions).count()
        })
    }

    /// How many requests came in all.
    #[must_use]
    pub fn total_calls(&self) -> usize {
        let operations = self.shared.operations.lock();
        operations.values().map(|it| it.calls).sum()
    }

    /// The requests of this operation, in order.
    #[must_use]
    pub fn requests(&self, operation: &str) -> Vec<RecordedRequest> {
        self.read(operation, |it| it.requests.clone())
    }

    /// Returns once this operation has been called `n` times. It has no time limit of its own.
    pub async fn wait_for_calls(&self, operation: &str, n: usize) {
        let mut changes = self.shared.changes.subscribe();
        while self.calls(operation) < n {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// The most requests of this operation that were unanswered at one time.
    #[must_use]
    pub fn peak_concurrency(&self, operation: &str) -> usize {
        self.read(operation, |it| it.peak)
    }

    /// Whether whole requests are kept (the default) or only counted. Load tests turn it off.
    pub fn keep_requests(&self, keep: bool) {
        self.shared.keeps_requests.store(keep, Ordering::Relaxed);
    }

    /// Forgets counts, peaks and recorded requests; faults, latency and holds stay.
    pub fn forget_calls(&self) {
        for it in self.shared.operations.lock().values_mut() {
            it.calls = 0;
            it.peak = it.in_flight;
            it.requests.clear();
        }
    }

    /// Counts the request if it is to be reset before its body is read.
    pub(super) fn resets_early(&self, head: &RecordedRequest) -> bool {
        let fault = self.edit(&head.operation, |it| {
            it.take_if(head, |fault| *fault == Fault::ResetBeforeRequest)
        });
        if fault.is_some() {
            drop(self.count(head, fault.clone()));
        }
        fault.is_some()
    }

    /// Counts the request and takes what is planned for it.
    pub(super) fn enter(&self, request: &RecordedRequest) -> Passage {
        let fault = self.edit(&request.operation, |it| it.take_if(request, |_| true));
        self.count(request, fault)
    }

    fn count(&self, request: &RecordedRequest, fault: Option<Fault>) -> Passage {
        let keep = self.shared.keeps_requests.load(Ordering::Relaxed);
        let latency = self.edit(&request.operation, |it| {
            it.calls += 1;
            it.in_flight += 1;
            it.peak = it.peak.max(it.in_flight);
            if keep {
                it.requests.push(request.clone());
            }
            it.latency
        });
        self.shared.changes.send_modify(|n| *n = n.wrapping_add(1));
        Passage {
            switches: self.clone(),
            operation: request.operation.clone(),
            latency: (!latency.is_zero()).then(|| Latency::of(latency)),
            fault,
        }
    }

    pub(super) fn remove_gate(&self, operation: &str, gate: &Arc<Gate>) {
        self.edit(operation, |it| {
            it.gates.retain(|other| !Arc::ptr_eq(other, gate));
        });
    }

    fn add_gate(&self, operation: &str, needle: Option<&str>) -> Hold {
        let gate = Arc::new(Gate::new(needle));
        self.edit(operation, |it| it.gates.push(Arc::clone(&gate)));
        Hold {
            switches: self.clone(),
            operation: operation.to_owned(),
            gate,
        }
    }

    fn queue(&self, operation: &str, n: usize, needle: Option<&str>, fault: Fault) {
        let planned = Planned::new(needle, fault);
        self.edit(operation, |it| {
            it.once.extend(std::iter::repeat_n(planned, n));
        });
    }

    fn edit<T>(&self, operation: &str, change: impl FnOnce(&mut Operation) -> T) -> T {
        let mut operations = self.shared.operations.lock();
        if let Some(it) = operations.get_mut(operation) {
            return change(it);
        }
        change(operations.entry(operation.to_owned()).or_default())
    }

    fn read<T: Default>(&self, operation: &str, look: impl FnOnce(&Operation) -> T) -> T {
        let operations = self.shared.operations.lock();
        operations.get(operation).map(look).unwrap_or_default()
    }
}

/// One request on its way through; counts as unanswered until dropped.
pub(super) struct Passage {
    switches: Switches,
    operation: String,
    /// Runs from when the request has come.
    latency: Option<Latency>,
    /// What this request meets.
    pub(super) fault: Option<Fault>,
}

impl Passage {
    /// Whether the request is to have its effect.
    pub(super) fn processes(&self) -> bool {
        self.fault.as_ref().is_none_or(Fault::processes)
    }

    /// Waits for the end of the latency and for every hold.
    pub(super) async fn wait(&mut self, request: &RecordedRequest) {
        if let Some(latency) = self.latency.take() {
            latency.ended().await;
        }
        let gates = self.switches.read(&self.operation, |it| it.gates.clone());
        for gate in gates.iter().filter(|gate| gate.is_for(request)) {
            gate.pass().await;
        }
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        self.switches.edit(&self.operation, |it| {
            it.in_flight = it.in_flight.saturating_sub(1);
        });
    }
}

#[derive(Debug)]
struct Shared {
    operations: Mutex<HashMap<String, Operation>>,
    keeps_requests: AtomicBool,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Operation {
    once: VecDeque<Planned>,
    always: Vec<Planned>,
    latency: Duration,
    gates: Vec<Arc<Gate>>,
    calls: usize,
    in_flight: usize,
    peak: usize,
    requests: Vec<RecordedRequest>,
}

impl Operation {
    /// The first fault planned for this request, provided that it is `wanted`.
    fn take_if(
        &mut self,
        request: &RecordedRequest,
        wanted: impl Fn(&Fault) -> bool,
    ) -> Option<Fault> {
        if let Some(at) = self.once.iter().position(|it| it.is_for(request)) {
            if !wanted(&self.once.get(at)?.fault) {
                return None;
            }
            return self.once.remove(at).map(|it| it.fault);
        }
        let sticky = self.always.iter().rev().find(|it| it.is_for(request))?;
        wanted(&sticky.fault).then(|| sticky.fault.clone())
    }
}

#[derive(Clone, Debug)]
struct Planned {
    needle: Option<String>,
    fault: Fault,
}

impl Planned {
    fn new(needle: Option<&str>, fault: Fault) -> Self {
        Self {
            needle: needle.map(str::to_owned),
            fault,
        }
    }

    fn is_for(&self, request: &RecordedRequest) -> bool {
        self.needle
            .as_deref()
            .is_none_or(|needle| request.mentions(needle))
    }
}
