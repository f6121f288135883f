//! The credential of a bucket of an S3-compatible store, and what its fields can hold.

use crate::domain::{
    credential::provider_credential,
    secret::{Secret, SecretProblem},
    service_url::ServiceUrl,
};

/// The longest name of a bucket, in bytes: 63 at AWS, more in old regions and at other stores.
const MAX_BUCKET: usize = 255;

provider_credential! {
    /// The credential of a bucket of an S3-compatible store. All of it is secret: a key id, an endpoint
    /// or a bucket leads to the operator's account.
    pub struct ManagedCredential of "managed" {
        /// The id of the key that requests are signed with.
        access_key_id: "R2_ACCESS_KEY_ID" (as_it_is, key_id_problem),
        /// The key itself.
        secret_access_key: "R2_SECRET_ACCESS_KEY" (as_it_is, secret_key_problem),
        /// The base URL of the store.
        endpoint_url: "R2_ENDPOINT_URL" (as_it_is, endpoint_problem),
        /// The name of the bucket.
        bucket: "R2_BUCKET_NAME" (as_it_is, bucket_problem),
        /// The region that requests are signed for.
        region: "R2_REGION" (as_it_is, region_problem) or "auto",
    }
}

/// No correction is certain.
fn as_it_is(_: &str) -> Option<Secret> {
    None
}

/// The store's base URL and nothing else; plain HTTP only to this machine.
fn endpoint_problem(text: &str) -> Option<SecretProblem> {
    let problem = ServiceUrl::parse(text).err()?;
    Some(SecretProblem::Unusable(problem.0))
}

/// One path component.
fn bucket_problem(text: &str) -> Option<SecretProblem> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let is_name = text.len() <= MAX_BUCKET
        && text.bytes().all(is_part)
        && text.starts_with(|first: char| first.is_ascii_alphanumeric());
    (!is_name).then_some(SecretProblem::Unusable(
        "must be the name of a bucket: letters, digits, `-`, `.` and `_`",
    ))
}

/// One part of a signature's scope.
fn region_problem(text: &str) -> Option<SecretProblem> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (!text.bytes().all(is_part)).then_some(SecretProblem::Unusable(
        "must be the name of a region, as `auto` or `eu-central-1`",
    ))
}

/// What the header of a signature can carry before the scope.
fn key_id_problem(text: &str) -> Option<SecretProblem> {
    let is_part = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b',' | b'=');
    (!text.bytes().all(is_part)).then_some(SecretProblem::Unusable(
        "must be the id of an access key: no blanks, `/`, `,` or `=`",
    ))
}

/// It signs, and is not sent: anything goes.
fn secret_key_problem(text: &str) -> Option<SecretProblem> {
    text.contains(char::is_whitespace)
        .then_some(SecretProblem::Suspicious(
            "has a blank within, which no key has: copy it again",
        ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::credential::ProviderCredential as _;

    fn problem(field: &str, text: &str) -> Option<SecretProblem> {
        let fields = ManagedCredential::PROVIDER.fields();
        let field = fields.iter().find(|it| it.name == field).unwrap();
        (field.check)(text)
    }

    #[test]
    fn real_values_are_taken() {
        for (field, value) in [
            ("access_key_id", "AKIAIOSFODNN7EXAMPLE"),
            ("access_key_id", "minioadmin"),
            (
                "secret_access_key",
                "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            ),
            (
                "endpoint_url",
                "https://0123456789abcdef.r2.cloudflarestorage.com",
            ),
            ("endpoint_url", "https://s3.eu-central-1.amazonaws.com/"),
            ("endpoint_url", "https://storage.example.org:9000/s3/"),
            ("endpoint_url", "http://127.0.0.1:9000"),
            ("endpoint_url", "http://localhost:9000/base"),
            ("endpoint_url", "http://[::1]:9000"),
            ("bucket", "acme-images"),
            ("bucket", "Old_Bucket.1"),
            ("region", "auto"),
            ("region", "eu-central-1"),
        ] {
            assert_eq!(problem(field, value), None, "{field} {value}");
        }
    }

    #[test]
    fn a_value_that_would_sign_or_address_something_else_is_unusable() {
        for (field, value) in [
            ("access_key_id", "AKIA/20260101"),
            ("access_key_id", "AK IA"),
            ("access_key_id", "AKIA,SignedHeaders"),
            ("endpoint_url", "storage.example.org"),
            ("endpoint_url", "ftp://storage.example.org"),
            ("endpoint_url", "https://key:secret@storage.example.org"),
            ("endpoint_url", "https://storage.example.org?x=1"),
            ("endpoint_url", "https://storage.example.org#x"),
            ("endpoint_url", "http://storage.example.org"),
            ("endpoint_url", "http://10.0.0.7:9000"),
            ("endpoint_url", "http://0.0.0.0:9000"),
            ("endpoint_url", "s3"),
            ("bucket", "images/other"),
            ("bucket", ".."),
            ("bucket", "images?list-type=2"),
            ("bucket", "bücket"),
            ("region", "auto/s3"),
            ("region", "eu central"),
        ] {
            let found = problem(field, value);
            assert!(
                matches!(found, Some(SecretProblem::Unusable(_))),
                "{field} {value}"
            );
        }
        let found = problem("secret_access_key", "wJalr XUtn");
        assert!(matches!(found, Some(SecretProblem::Suspicious(_))));
    }
}
