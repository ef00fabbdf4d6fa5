//! Team answers that were read already.
//!
//! The host shares reads: the operations on a thousand members of one team are all given the same answer,
//! half a megabyte of it, once a second. It is parsed once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use signoff_core::{Monotonic, Response};

use crate::model::{Team, TeamName, Unreadable};

/// So many bytes of answers are kept at most, besides the newest.
const MOST_BYTES: usize = 2 << 20;

/// The newest answers, oldest first. An answer is recognised by where it lies and when it was asked for: ten
/// thousand operations that each compared two megabytes would do little else. Otherwise it is compared whole, since
/// nothing may have changed from one second to the next.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<VecDeque<Kept>>);

#[derive(Debug)]
struct Kept {
    asked: TeamName,
    /// Where the host had the answer, and when it was asked for.
    origin: (usize, Monotonic),
    body: Box<[u8]>,
    team: Result<Arc<Team>, Unreadable>,
}

impl Answers {
    /// The Team object in this answer.
    pub(crate) fn team(&self, response: &Response<'_>, asked: &TeamName) -> Result<Arc<Team>, Unreadable> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept
            .iter()
            .rev()
            .find(|known| known.asked == *asked && known.is(response));
        if let Some(known) = known {
            return known.team.clone();
        }
        let team = Team::parse(response.body, asked).map(Arc::new);
        kept.push_back(Kept {
            asked: asked.clone(),
            origin: origin(response),
            body: response.body.into(),
            team: team.clone(),
        });
        let mut bytes: usize = kept.iter().map(|known| known.body.len()).sum();
        while bytes > MOST_BYTES && kept.len() > 1 {
            if let Some(oldest) = kept.pop_front() {
                bytes -= oldest.body.len();
            }
        }
        team
    }
}

impl Kept {
    fn is(&self, response: &Response<'_>) -> bool {
        if self.origin != origin(response) || self.body.len() != response.body.len() {
            return *self.body == *response.body;
        }
        // The same memory may hold another answer only if both were asked for within one nanosecond. Their ends are
        // compared all the same; a short answer is nothing but ends.
        let length = self.body.len().min(END);
        let tail = self.body.len() - length;
        self.body.get(..length) == response.body.get(..length)
            && self.body.get(tail..) == response.body.get(tail..)
    }
}

/// Bytes at either end of an answer.
const END: usize = 1 << 10;

fn origin(response: &Response<'_>) -> (usize, Monotonic) {
    (response.body.as_ptr().addr(), response.sent)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use std::sync::Arc;

    use signoff_core::{Monotonic, RequestId, Response};

    use super::{Answers, MOST_BYTES};
    use crate::model::TeamName;

    fn response(body: &[u8]) -> Response<'_> {
        Response {
            request: RequestId(1),
            status: 200,
            headers: &[],
            body,
            sent: Monotonic::ZERO,
            sent_unix_ms: 0,
            settled_at: Monotonic::ZERO,
        }
    }

    #[test]
    fn an_answer_is_parsed_once() {
        let answers = Answers::default();
        let team = TeamName::default();
        let (body, copy) = (
            b"<Team><users/></Team>".to_vec(),
            b"<Team><users/></Team>".to_vec(),
        );
        let first = answers.team(&response(&body), &team).unwrap();
        let again = answers.team(&response(&copy), &team).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        let other = answers
            .team(&response(b"<Team><users></users></Team>"), &team)
            .unwrap();
        assert!(!Arc::ptr_eq(&first, &other));
        assert!(answers.team(&response(b"<Team>"), &team).is_err());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let answers = Answers::default();
        for n in 0..20 {
            let body = format!("<Team><!--{}{n}--></Team>", "x".repeat(MOST_BYTES / 8));
            answers
                .team(&response(body.as_bytes()), &TeamName::default())
                .unwrap();
        }
        let kept = answers.0.lock().unwrap();
        assert!(kept.iter().map(|known| known.body.len()).sum::<usize>() <= MOST_BYTES);
        assert!(kept.len() > 1);
    }
}
