//! Tokens of bots: 256 random bits behind a prefix that people and scanners know, kept as a hash.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{AuthService, Identity, Rejection, Step, enabled};
use crate::random::Random;
use crate::store::{BotToken, UserRecord};

/// What the tokens of this server begin with.
pub const TOKEN_PREFIX: &str = "eimbot_";
/// No token of any server is longer.
const MOST_OCTETS: usize = 256;

/// A new token, which is shown once, and its SHA-256, which is kept.
// impl[EIM-BOT-006]
#[must_use]
pub fn new_bot_token(random: &dyn Random) -> (String, [u8; 32]) {
    let secret = URL_SAFE_NO_PAD.encode(random.octets::<32>());
    let token = format!("{TOKEN_PREFIX}{secret}");
    let hash = hash_of(token.as_bytes());
    (token, hash)
}

fn hash_of(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

impl AuthService {
    /// Whose a token is. It is found by its hash: nothing that depends on a guess is compared
    /// with a secret.
    ///
    /// # Errors
    /// A [`Rejection`]: the token was never given, was taken away or is over, or its account is
    /// disabled.
    // impl[EIM-BOT-004, EIM-BOT-007, EIM-BOT-009]
    pub async fn bot(&self, token: &[u8]) -> Result<(UserRecord, BotToken), Rejection> {
        let rejected = || Rejection::failed("the token is not valid");
        if token.len() > MOST_OCTETS {
            return Err(rejected());
        }
        let found = self.store.bot_token(self.tenant, &hash_of(token)).await?;
        let found = found
            .filter(|found| !found.is_over(self.clock.now_ms()))
            .ok_or_else(rejected)?;
        let user = self.store.user(self.tenant, found.bot).await?;
        let user = user.ok_or_else(rejected)?;
        enabled(&user)?;
        Ok((user, found))
    }

    /// EIM-TOKEN: its only message is the token.
    pub(super) async fn token(&self, token: &[u8]) -> Result<Step, Rejection> {
        let (user, found) = self.bot(token).await?;
        Ok(Step::Proven(Box::new(Identity {
            user,
            data: Bytes::new(),
            resumed: None,
            token: Some(found.id()),
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    // test[EIM-BOT-006]
    #[test]
    fn tokens_are_random_and_say_what_they_are() {
        let (one, hash) = new_bot_token(&SystemRandom);
        let (other, _) = new_bot_token(&SystemRandom);
        assert_ne!(one, other);
        let secret = one.strip_prefix(TOKEN_PREFIX).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(secret).unwrap().len(), 32);
        assert_eq!(hash, hash_of(one.as_bytes()));
    }
}
