//! What a notification of Finesse says.
//!
//! The payload is XML that was escaped as text: `<Update>` with `<data>`, `<event>`, `<requestId>` and `<source>`
//! ("Managing Notifications in Third-Party Applications"). Releases differ in order, letter case and namespaces, so
//! everything is found by local name, and what makes no sense says nothing: a feed is never lost over a payload.

use jiff::Timestamp;
use signoff_core::xml::{self, Element};
use signoff_core::{FeedEvent, Notification};

/// Members of a whole team at most; the host takes no more of one notification.
const MOST_EVENTS: usize = 10_000;

/// What it says of users: how they are now, and which of their requests failed.
pub(crate) fn decode(notification: &Notification<'_>) -> Vec<FeedEvent> {
    let Some(update) = read(notification.payload) else {
        return Vec::new();
    };
    let Some(data) = update.child("data") else {
        return Vec::new();
    };
    let source = update.child_text("source").unwrap_or_default();
    let about = user_of(source)
        .or_else(|| user_of(notification.node))
        .unwrap_or_default();
    let request_id = update.child_text("requestId").unwrap_or_default();
    // A user who was removed from Finesse has no state any more.
    let removed = update
        .child_text("event")
        .is_some_and(|event| event.eq_ignore_ascii_case("DELETE"));
    let alone = data.children_named("user").map(|user| state(user, about));
    let of_teams = data
        .children_named("team")
        .filter_map(|team| team.child("users"))
        .flat_map(|users| users.children_named("user"))
        .map(|user| state(user, ""));
    let errors = data
        .children_named("apiErrors")
        .flat_map(|errors| errors.children_named("apiError"))
        .map(|error| failure(error, about));
    alone
        .chain(of_teams)
        .filter(|_| !removed)
        .chain(errors)
        .filter(|event| !event.user.is_empty())
        .take(MOST_EVENTS)
        .map(|event| FeedEvent {
            request_id: request_id.to_owned(),
            ..event
        })
        .collect()
}

/// The `<Update>` in a payload, which may be escaped once more than it should be.
fn read(payload: &[u8]) -> Option<Element> {
    let payload = payload.trim_ascii();
    let update = |payload: &[u8]| xml::parse(payload).ok().filter(|root| root.is("Update"));
    if !payload.starts_with(b"&lt;") {
        return update(payload);
    }
    let wrapped = [b"<x>", payload, b"</x>"].concat();
    let text = xml::parse(&wrapped).ok()?.text;
    update(text.trim().as_bytes())
}

/// The user whom an address is about: `/finesse/api/User/1001`, perhaps with a slash at its end.
fn user_of(address: &str) -> Option<&str> {
    let user = address.strip_prefix("/finesse/api/User/")?.trim_end_matches('/');
    (!user.is_empty() && !user.contains('/')).then_some(user)
}

fn state(user: &Element, about: &str) -> FeedEvent {
    let text = |name: &str| user.child_text(name).unwrap_or_default().to_owned();
    let since = user.child_text("stateChangeTime");
    let reason = user.child("reasonCode");
    let reason = reason.and_then(|reason| reason.child_text("label")).or_else(|| {
        // -1: none is configured, or it was lost.
        user.child_text("reasonCodeId").filter(|id| *id != "-1")
    });
    FeedEvent {
        user: user.child_text("loginId").unwrap_or(about).to_owned(),
        state: text("state"),
        pending_state: text("pendingState"),
        reason: reason.unwrap_or_default().to_owned(),
        unix_ms: since
            .and_then(|since| since.parse::<Timestamp>().ok())
            .map_or(0, Timestamp::as_millisecond),
        ..FeedEvent::default()
    }
}

/// A request that Finesse accepted, and the switch behind it did not ("Cisco Finesse API Errors").
fn failure(error: &Element, about: &str) -> FeedEvent {
    let text = |name: &str| error.child_text(name);
    let kind = text("errorType").unwrap_or_default();
    FeedEvent {
        user: about.to_owned(),
        error_code: text("errorData")
            .unwrap_or(if kind.is_empty() { "unknown" } else { kind })
            .to_owned(),
        error_message: text("errorMessage").unwrap_or_default().to_owned(),
        error_kind: kind.to_owned(),
        ..FeedEvent::default()
    }
}
