//! What an ID token proves (OpenID Connect Core 1.0, section 3.1.3.7).

use openidconnect::{
    Nonce, TokenResponse as _,
    core::{CoreIdTokenClaims, CoreJwsSigningAlgorithm as Algorithm, CoreTokenResponse},
};

use super::{LibraryClient, failure::Failure};
use crate::ports::{Clock, LoginChecks};

/// The signatures that are accepted: by a key pair of the provider, whose public half it publishes. None at all, and those by the
/// client's secret, are not.
const SIGNATURES: [Algorithm; 9] = [
    Algorithm::RsaSsaPkcs1V15Sha256,
    Algorithm::RsaSsaPkcs1V15Sha384,
    Algorithm::RsaSsaPkcs1V15Sha512,
    Algorithm::RsaSsaPssSha256,
    Algorithm::RsaSsaPssSha384,
    Algorithm::RsaSsaPssSha512,
    Algorithm::EcdsaP256Sha256,
    Algorithm::EcdsaP384Sha384,
    Algorithm::EdDsa,
];

/// What the ID token among the tokens says, if it is the provider's, for this client, for this login, and has not expired.
///
/// # Errors
/// [`Failure::UnknownKey`], where the provider may have a new one, and [`Failure::Proof`].
pub(super) fn claims<'a>(
    client: &LibraryClient,
    tokens: &'a CoreTokenResponse,
    checks: &LoginChecks,
    clock: &dyn Clock,
) -> Result<&'a CoreIdTokenClaims, Failure> {
    let id_token = tokens.id_token();
    let id_token = id_token.ok_or(Failure::Proof("there is no ID token"))?;
    let now = clock.utc();
    let verifier = client
        .id_token_verifier()
        .set_allowed_algs(SIGNATURES)
        .set_time_fn(move || now.into());
    let nonce = Nonce::new(checks.nonce.expose().to_owned());
    let claims = id_token.claims(&verifier, &nonce);
    let claims = claims.map_err(|error| Failure::of_claims(&error))?;
    // The library leaves this to its callers.
    let party = claims.authorized_party().map(|it| it.as_str());
    if party.is_some_and(|it| it != client.client_id().as_str()) {
        return Err(Failure::Proof("it was issued to another client"));
    }
    Ok(claims)
}
