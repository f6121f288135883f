//! What a request pays to find its tenant when everything is in memory. See `README.md` here.
#![expect(
    clippy::expect_used,
    reason = "a benchmark that cannot be set up has nothing to measure"
)]

mod stubs;

use std::{
    cell::Cell,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    num::NonZeroUsize,
    sync::Arc,
};

use cached::{Cached as _, LruCache};
use divan::{Bencher, black_box};
use futures_util::FutureExt as _;
use parking_lot::Mutex;
use publisher::{
    adapters::clock::SystemClock,
    app::tenancy::{
        config_cache::ConfigCacheSettings,
        credentials::{CredentialCacheSettings, Credentials},
        resolve_tenant::{HostRules, ResolveTenant, TenancySettings},
        tenant_cache::TenantCacheSettings,
    },
    domain::{host::Host, request_id::RequestId},
    ports::Clock,
};

use self::stubs::{AnyCredential, AnyHost, providers};

fn main() {
    divan::main();
}

const THREADS: [usize; 3] = [1, 2, 8];

/// Calls that each thread makes in a row: for tens of milliseconds, much longer than a time slice
/// of the scheduler. With what the harness chooses by itself, and with thousands too, threads beyond
/// the number of cores run one after the other and never meet.
const SAMPLE: u32 = 200_000;

/// A tenant that everybody asks for, and as many as the cache holds by default.
const TENANTS: [usize; 2] = [1, 1_000];

#[divan::bench(threads = THREADS, args = TENANTS, sample_size = SAMPLE, sample_count = 40)]
fn warm_lookup(bencher: Bencher<'_, '_>, tenants: usize) {
    let (resolver, id) = (
        resolver(),
        RequestId::from_caller("bench").expect("is sane"),
    );
    let hosts = hosts(tenants);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime without I/O");
    runtime.block_on(async {
        for host in &hosts {
            let host = Host::normalize_any(host).ok();
            let tenant = resolver.by_host(host.as_ref(), &id).await;
            assert!(tenant.is_ok(), "the stubs know every host");
        }
    });
    bencher.bench(|| {
        let raw = black_box(&hosts[next_below(tenants)]);
        let host = Host::normalize_any(raw).ok();
        // A warm lookup never waits, so that one poll is all of it and no runtime is measured.
        let tenant = resolver.by_host(host.as_ref(), &id).now_or_never();
        tenant.expect("it is in memory").is_ok()
    });
}

#[divan::bench(args = ["alice.example.org", "ALICE.Example.org.:8080", "127.0.0.1:80"])]
fn normalize_host(raw: &str) -> bool {
    Host::normalize(black_box(raw)).is_ok()
}

/// The store below the caches, behind a lock as they have it: what a lookup costs beyond this is the
/// service's own.
#[divan::bench(threads = THREADS, args = TENANTS, sample_size = SAMPLE, sample_count = 40)]
fn cache_get(bencher: Bencher<'_, '_>, tenants: usize) {
    let (cache, keys) = filled_cache(tenants);
    bencher.bench(|| {
        let key = black_box(&keys[next_below(tenants)]);
        cache.lock().cache_get(key).cloned().is_some()
    });
}

fn filled_cache(tenants: usize) -> (Mutex<LruCache<Host, Arc<u64>>>, Vec<Host>) {
    let mut cache = LruCache::new(2_000);
    let hosts = hosts(tenants);
    let keys: Vec<_> = hosts
        .iter()
        .map(|host| Host::normalize(host).expect("is a host"))
        .collect();
    for (key, value) in keys.iter().zip(0..) {
        cache.cache_set(key.clone(), Arc::new(value));
    }
    (Mutex::new(cache), keys)
}

fn hosts(count: usize) -> Vec<String> {
    let name = |number| format!("tenant-{number}.example.org");
    (0..count).map(name).collect()
}

/// A number below `bound`, the next one on each thread: a walk of its own from a start of its own,
/// so that threads neither march in step nor share a counter.
fn next_below(bound: usize) -> usize {
    thread_local!(static STATE: Cell<u64> = {
        let mut hasher = DefaultHasher::new();
        std::thread::current().id().hash(&mut hasher);
        Cell::new(hasher.finish())
    });
    STATE.with(|state| {
        let next = state
            .get()
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.set(next);
        usize::try_from(next >> 33).unwrap_or(0) % bound
    })
}

fn resolver() -> ResolveTenant {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let credentials = Credentials::new(
        Arc::new(AnyCredential),
        Arc::clone(&clock),
        CredentialCacheSettings::default(),
    );
    // More than there are, so that nothing is evicted.
    let max_size = NonZeroUsize::new(2_000).expect("is not zero");
    let settings = TenancySettings {
        configs: ConfigCacheSettings {
            max_size,
            ..ConfigCacheSettings::default()
        },
        tenants: TenantCacheSettings {
            max_size,
            ..TenantCacheSettings::default()
        },
    };
    ResolveTenant::new(
        HostRules::TenantNames,
        Arc::new(AnyHost),
        Arc::new(credentials),
        providers(),
        &clock,
        settings,
    )
}
