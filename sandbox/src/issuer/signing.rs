//! The keys of the issuer, and ID tokens that are signed with them, or wrongly (RFC 7515, RFC 7517, RFC 7518). Used by the
//! issuer.

use std::io;
use std::sync::OnceLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

/// By what an ID token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// The issuer's key for ES256.
    EllipticCurve,
    /// The issuer's key for RS256.
    Rsa,
    /// A key of somebody else, under the id of the issuer's.
    Stranger,
    /// A key of somebody else, under an id of its own.
    UnknownKey,
    /// The client's secret (HS256).
    ClientSecret,
    /// The issuer's public key as if it were a secret (HS256).
    PublicKey,
    /// Nothing (`alg: none`).
    Nothing,
}

/// The issuer's keys, and one of somebody else.
pub(super) struct Keys {
    generation: u32,
    elliptic: EcdsaKeyPair,
    /// Made when it is first used: that takes a while.
    rsa: OnceLock<Option<RsaKeyPair>>,
    stranger: EcdsaKeyPair,
}

impl Keys {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            generation: 1,
            elliptic: elliptic()?,
            rsa: OnceLock::new(),
            stranger: elliptic()?,
        })
    }

    pub(super) fn rotate(&mut self) -> io::Result<()> {
        self.elliptic = elliptic()?;
        self.generation += 1;
        Ok(())
    }

    /// The public keys, as a JWK set lists them.
    pub(super) fn published(&self) -> Value {
        let point = self.elliptic.public_key().as_ref();
        // 0x04, then both coordinates.
        let coordinate = |from: usize| encode(point.get(from..from + 32).unwrap_or_default());
        let mut keys = vec![json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.elliptic_id(),
            "x": coordinate(1), "y": coordinate(33),
        })];
        if let Some(Some(rsa)) = self.rsa.get() {
            let rsa = rsa.public_key();
            keys.push(json!({
                "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "rsa",
                "n": encode(rsa.modulus().big_endian_without_leading_zero()),
                "e": encode(rsa.exponent().big_endian_without_leading_zero()),
            }));
        }
        json!(keys)
    }

    /// The RSA key; `None` where none can be made.
    pub(super) fn rsa(&self) -> Option<&RsaKeyPair> {
        let made = self
            .rsa
            .get_or_init(|| RsaKeyPair::generate(KeySize::Rsa2048).ok());
        made.as_ref()
    }

    /// A JWT of these claims; without a signature where a key fails.
    pub(super) fn sign(&self, claims: &Value, signer: Signer, client_secret: &str) -> String {
        let (algorithm, id) = match signer {
            Signer::EllipticCurve | Signer::Stranger => ("ES256", self.elliptic_id()),
            Signer::UnknownKey => ("ES256", "stranger".to_owned()),
            Signer::Rsa => ("RS256", "rsa".to_owned()),
            Signer::ClientSecret | Signer::PublicKey => ("HS256", self.elliptic_id()),
            Signer::Nothing => ("none", self.elliptic_id()),
        };
        let header = json!({ "alg": algorithm, "kid": id, "typ": "JWT" });
        let content = format!(
            "{}.{}",
            encode(header.to_string().as_bytes()),
            encode(claims.to_string().as_bytes())
        );
        let signature = self.signature(content.as_bytes(), signer, client_secret);
        format!("{content}.{}", encode(&signature))
    }

    fn signature(&self, content: &[u8], signer: Signer, client_secret: &str) -> Vec<u8> {
        let random = SystemRandom::new();
        let by = |key: &EcdsaKeyPair| {
            let signature = key.sign(&random, content);
            signature.map_or_else(|_| Vec::new(), |it| it.as_ref().to_vec())
        };
        match signer {
            Signer::EllipticCurve => by(&self.elliptic),
            Signer::Stranger | Signer::UnknownKey => by(&self.stranger),
            Signer::Rsa => {
                let Some(rsa) = self.rsa() else {
                    return Vec::new();
                };
                let mut signature = vec![0; rsa.public_modulus_len()];
                let outcome = rsa.sign(&RSA_PKCS1_SHA256, &random, content, &mut signature);
                outcome.map_or_else(|_| Vec::new(), |()| signature)
            }
            Signer::ClientSecret => keyed_hash(client_secret.as_bytes(), content),
            Signer::PublicKey => keyed_hash(self.elliptic.public_key().as_ref(), content),
            Signer::Nothing => Vec::new(),
        }
    }

    fn elliptic_id(&self) -> String {
        format!("ec-{}", self.generation)
    }
}

fn elliptic() -> io::Result<EcdsaKeyPair> {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(no_key)
}

fn no_key(_: aws_lc_rs::error::Unspecified) -> io::Error {
    io::Error::other("a key could not be made")
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn keyed_hash(key: &[u8], content: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key);
    mac.map_or_else(
        |_| Vec::new(),
        |mac| mac.chain_update(content).finalize().into_bytes().to_vec(),
    )
}
