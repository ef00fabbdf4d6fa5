//! Requests with a secret of the user: nobody gets another's answer, and nobody's bad key stops another.

use signoff_core::{SecretHandle, SecretUse};

use super::*;

/// A world that knows these keys.
fn world(
    keys: &[&str],
    script: impl Fn(&Call) -> Answer + Send + Sync + 'static,
) -> (World, Vec<SecretHandle>) {
    let secrets = Arc::new(UserSecrets::default());
    let handles = keys
        .iter()
        .map(|key| secrets.keep("key", Secret::new((*key).to_owned())))
        .collect();
    (
        World::with(|settings| settings.user_secrets = secrets, script),
        handles,
    )
}

fn with_key(handle: SecretHandle, request: Request) -> Request {
    Request {
        credential: None,
        secrets: vec![SecretUse {
            handle,
            placement: Placement::Header("Authorization".to_owned()),
        }],
        ..request
    }
}

fn check(handle: SecretHandle) -> Request {
    Request {
        max_age: Duration::from_secs(60),
        ..with_key(handle, read("/check"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_with_a_users_secret_is_shared_with_nobody_elses() {
    let (world, keys) = world(&["key-of-ann", "key-of-bob", "key-of-ann"], |_| answer(200));
    world.send_all(keys.iter().map(|key| check(*key))).await;
    world.send_all(keys.iter().map(|key| check(*key))).await;
    assert_eq!(world.authorizations(), ["key-of-ann", "key-of-bob"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_concerns_its_owner_alone() {
    let keys: Vec<String> = (0..50).map(|number| format!("key-{number:02}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let (world, handles) = world(&keys, |call| {
        let is_bad = call.authorization.as_deref() < Some("key-10");
        answer(if is_bad { 401 } else { 200 })
    });
    let deliveries = world
        .send_all(handles.into_iter().map(|key| with_key(key, write("/logout"))))
        .await;
    let refused = deliveries.iter().filter(|one| status(one) == 401).count();
    assert_eq!((refused, deliveries.len()), (10, 50));
    let mut seen = world.authorizations();
    seen.sort();
    assert_eq!(seen, keys, "each left once, with its own key");
    assert!(
        world.vendor.most_in_flight.load(Ordering::Relaxed) > 1,
        "nobody waits for a gate"
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_be_sent_is_a_failure_of_its_owner() {
    let (world, keys) = world(&["bad\nkey", "good-key"], |_| answer(200));
    let deliveries = world
        .send_all(keys.iter().map(|key| with_key(*key, write("/logout"))))
        .await;
    let failed = failure(&deliveries[0]);
    assert_eq!((failed.sent, failed.kind), (Sent::NotSent, FailureKind::Broken));
    assert!(
        failed.message.contains("the user's `key` cannot be sent"),
        "{}",
        failed.message
    );
    assert_eq!(status(&deliveries[1]), 200);
    assert_eq!(world.authorizations(), ["good-key"]);
}
