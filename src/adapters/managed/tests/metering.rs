//! The calls that are counted: each that the store has been sent.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::ports::StorageMeter;

#[derive(Default)]
pub(super) struct Counted(AtomicUsize);

impl StorageMeter for Counted {
    fn count(&self, tenant: &TenantName) {
        assert_eq!(tenant.as_str(), "alice");
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Tenant {
    fn counted(&self) -> usize {
        self.counted.0.load(Ordering::Relaxed)
    }

    /// What the server has counted.
    fn served(&self) -> usize {
        self.switches().total_calls()
    }
}

#[tokio::test]
async fn every_call_counts_also_those_that_fail_and_those_that_find_nothing() {
    let tenant = Tenant::new().await;
    tenant.put("a.jpg", "one").await;
    let put_by_the_test = tenant.served() - tenant.counted();
    tenant.store.list().await.unwrap();
    tenant.store.fetch(&name("a.jpg")).await.unwrap();
    tenant.store.fetch(&name("missing.jpg")).await.unwrap_err();
    tenant.write_text("words").await.unwrap();
    tenant.moved("a.jpg", IfTaken::Rename).await.unwrap();
    tenant.upload(jpeg("two")).await.unwrap();
    assert!(tenant.counted() >= 7, "{}", tenant.counted());
    assert_eq!(tenant.counted(), tenant.served() - put_by_the_test);
}

#[tokio::test]
async fn every_retry_and_every_page_counts() {
    let tenant = Tenant::new().await;
    let before = tenant.served();
    tenant
        .switches()
        .inject_times("list", 2, refusal(503, "SlowDown"));
    tenant.store.list().await.unwrap();
    assert_eq!((tenant.counted(), tenant.served() - before), (3, 3));
    let rest = "<IsTruncated>true</IsTruncated><NextContinuationToken>next</NextContinuationToken>";
    tenant
        .switches()
        .inject("list", reading::page(&["acme/queue/b.jpg"], rest));
    tenant.store.list().await.unwrap();
    assert_eq!((tenant.counted(), tenant.served() - before), (5, 5));
    for _ in 0..3 {
        tenant.switches().inject("get", Fault::ResetAfterRequest);
    }
    tenant.store.fetch(&name("a.jpg")).await.unwrap_err();
    assert_eq!(tenant.counted(), tenant.served() - before);
}

#[tokio::test]
async fn a_link_is_no_call() {
    let tenant = Tenant::new().await;
    tenant.put("a.jpg", "one").await;
    let (counted, served) = (tenant.counted(), tenant.served());
    tenant.store.temporary_link(&name("a.jpg")).await.unwrap();
    assert_eq!(tenant.counted() - counted, tenant.served() - served);
}
