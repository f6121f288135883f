//! What the ledger knows of an image, under the hashes by which the target knows it: the service finds there what was
//! published before without reading the image.

use std::time::Duration;

use super::{FolderCopy, PublishedBefore, Stopped, compare::Hashes, ended::Ended};
use crate::{
    domain::{
        content_hashes::ContentHashes, image::StoredImage, platform::Platform, tenant::TenantName,
    },
    ports::{LEASE_TTL, LedgerError},
};

/// The pause between attempts to take the lease on an image that a service has.
const PAUSE: Duration = Duration::from_secs(5);
/// So many of them are made: for longer than the lease of a service that is gone.
const ATTEMPTS: u64 = 2 * LEASE_TTL.as_secs() / PAUSE.as_secs();

/// What became of one image.
enum Told {
    Written,
    KnownAlready,
    Unknown,
    InUse,
}

impl FolderCopy<'_> {
    /// Has the ledger know an image that is at both storages by all of its hashes, if it knows it by any.
    pub(super) async fn tell_ledger(
        &self,
        hashes: &Hashes,
        source: &StoredImage,
        target: &StoredImage,
    ) -> Result<(), Ended> {
        let migration = self.run.migration;
        let all = hashes.with_listed([source, target]);
        let Some((ledger, all)) = migration.ledger.as_ref().zip(all) else {
            return Ok(());
        };
        let told = ledger.tell(&migration.tenant, all).await;
        let told = told.map_err(|error| Ended::All(Stopped::Ledger(error)))?;
        let counts = &mut self.run.summary.lock().ledger;
        match told {
            Told::Written => counts.written += 1,
            Told::KnownAlready => counts.known += 1,
            Told::InUse => counts.in_use += 1,
            Told::Unknown => {}
        }
        Ok(())
    }
}

impl PublishedBefore {
    async fn tell(&self, tenant: &TenantName, hashes: ContentHashes) -> Result<Told, LedgerError> {
        let entries = self.reader.entries_of(tenant, hashes.as_slice()).await?;
        let found = hashes.as_slice().iter();
        let found: Vec<_> = found
            .map(|hash| entries.get(hash).map_or(0, Vec::len))
            .collect();
        if found.iter().all(|count| *count == 0) {
            return Ok(Told::Unknown);
        }
        if found.iter().all(|count| *count == found[0]) {
            return Ok(Told::KnownAlready);
        }
        for _ in 0..ATTEMPTS {
            let (tenant, hashes) = (tenant.clone(), hashes.clone());
            let claimed = self.leases.claim(tenant, hashes, &Platform::ALL).await?;
            if let Some((lease, _)) = claimed {
                // The claim has written the hashes.
                lease.release().await;
                return Ok(Told::Written);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(Told::InUse)
    }
}
