//! A connection that breaks after each byte of a request and of its answer.

use std::collections::HashSet;
use std::sync::Mutex;

use crate::proxy::Fault;
use crate::world::World;

/// Logs out as many agents as there are bytes; the first logout of each breaks at his byte.
async fn break_at_each_byte(bytes: usize, fault: fn(usize) -> Fault) {
    let seen = Mutex::new(HashSet::new());
    let world = World::start(bytes, move |line| {
        let Some(id) = line.strip_prefix("PUT /finesse/api/User/") else {
            return Fault::None;
        };
        let is_first = seen.lock().unwrap().insert(id.to_owned());
        let byte = id.parse::<usize>().map_or(0, |id| id - 10_001);
        if is_first { fault(byte) } else { Fault::None }
    })
    .await;
    let ids: Vec<String> = (10_001..10_001 + bytes).map(|id| id.to_string()).collect();
    let logouts = ids.iter().map(|id| world.call("logout", Some(id), false));
    let results = futures_util::future::join_all(logouts).await;
    for (id, result) in ids.iter().zip(&results) {
        assert!(result.starts_with("done"), "{id}: {result}");
        world.check(id, result);
    }
    assert_eq!(world.sandbox.signed_in(), ["supervisor"]);
}

#[tokio::test]
async fn of_a_request() {
    break_at_each_byte(420, Fault::ResetRequest).await;
}

#[tokio::test]
async fn of_an_answer_by_a_reset() {
    break_at_each_byte(160, Fault::ResetAnswer).await;
}

#[tokio::test]
async fn of_an_answer_by_its_end() {
    break_at_each_byte(160, Fault::CutAnswer).await;
}
