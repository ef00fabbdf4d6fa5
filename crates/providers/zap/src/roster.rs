//! The users of the platform, page by page.
//!
//! "Users: Get All" gives `data: { userData: […], bodyLimit, pageLimit, dataCount }`, the last three being the size of the
//! page, its number, and how many users there are. The list is at its end when that many were given, or at a page that is
//! not full. Where the count and the pages contradict each other the roster fails: a list that seems whole and is not
//! would leave somebody in.

use std::borrow::Cow;
use std::collections::{HashSet, VecDeque};

use signoff_core::{
    Error, Failure, Field, Finished, Input, Monotonic, Options, Outcome, Record, RequestId, Response, Step,
    Value, Wait, json,
};

use crate::answer::Verdict;
use crate::request;

/// Pages that are read before the list is taken for endless; of the default size they hold a million users.
const MOST_PAGES: u32 = 10_000;
/// Users that one page may have, whatever was asked for: what has no pages is given whole.
const MOST_USERS_ON_A_PAGE: usize = 50_000;

/// The option `page_size` of a connection.
pub(crate) fn page_size(options: Options<'_>) -> Result<u32, Error> {
    let asked = options.integer("page_size").unwrap_or(100);
    match u32::try_from(asked) {
        Ok(size @ 1..=1_000) => Ok(size),
        _ => Err(Error::Options(format!(
            "`page_size` is {asked}: it must be 1 to 1000"
        ))),
    }
}

/// One roster under way.
#[derive(Debug)]
pub(crate) struct Roster {
    page_size: u32,
    /// The page that is being read, from 1; also the id of its request.
    page: u32,
    /// Users given already: while a list is read, new users move those behind them to the next page.
    given: HashSet<String>,
    /// Rows of all pages, some of them twice.
    seen: u64,
    /// The smallest count that was told.
    least_count: Option<u64>,
    steps: VecDeque<Step>,
    finished: bool,
}

impl Roster {
    pub(crate) fn new(page_size: u32) -> Self {
        let mut this = Self {
            page_size,
            page: 0,
            given: HashSet::new(),
            seen: 0,
            least_count: None,
            steps: VecDeque::new(),
            finished: false,
        };
        this.turn_page();
        this
    }

    pub(crate) fn next(&mut self) -> Step {
        self.steps.pop_front().unwrap_or(Step::Wait(Wait {
            until: Monotonic::NEVER,
            reason: Cow::Borrowed(""),
        }))
    }

    pub(crate) fn input(&mut self, input: &Input<'_>) {
        if self.finished {
            return;
        }
        let ours = RequestId(self.page.into());
        match *input {
            Input::Response(response) if response.request == ours => self.answered(&response),
            Input::Failure(failure) if failure.request == ours => self.failed(&failure),
            Input::Cancel(_) => self.finish(Finished::new(Outcome::Cancelled)),
            // Nobody asked for it.
            _ => {}
        }
    }

    fn turn_page(&mut self) {
        self.page += 1;
        let id = RequestId(self.page.into());
        self.steps
            .push_back(Step::Request(request::users(id, self.page_size, self.page)));
    }

    fn finish(&mut self, finished: Finished) {
        self.finished = true;
        self.steps.push_back(Step::Finished(finished));
    }

    fn fail(&mut self, code: &str, message: String) {
        self.finish(Finished::with(Outcome::Failed, code, message));
    }

    fn failed(&mut self, failure: &Failure<'_>) {
        self.finish(Verdict::unanswered(Outcome::Failed, failure).finished());
    }

    fn answered(&mut self, response: &Response<'_>) {
        let mut verdict = Verdict::read(response);
        if verdict.outcome != Outcome::Done {
            if verdict.outcome == Outcome::Unknown {
                verdict.outcome = Outcome::Failed;
            }
            return self.finish(verdict.finished());
        }
        match Page::parse(response.body) {
            Ok(page) => self.take(page),
            Err(why) => self.fail(
                "unreadable_answer",
                format!("page {} of the list of users: {why}", self.page),
            ),
        }
    }

    fn take(&mut self, page: Page) {
        let rows = page.users.len() as u64;
        let known = self.given.len();
        self.seen += rows;
        for user in page.users {
            if self.given.insert(user.id.clone()) {
                self.steps.push_back(Step::Record(user));
            }
        }
        self.least_count = page.count.into_iter().chain(self.least_count).min();
        let is_full = rows > 0 && rows >= page.size.unwrap_or(self.page_size.into());
        // A count that is that of this page alone may mean just this page.
        let is_total = page
            .count
            .is_some_and(|count| self.seen >= count && (!is_full || count > rows));
        let expected = self.least_count.unwrap_or_default();
        let given = self.given.len() as u64;
        if is_total || rows == 0 || (!is_full && page.count.is_none()) {
            if given < expected {
                let message = format!(
                    "the list ended after {given} of {expected} users: it may have changed while it was read; run it again"
                );
                return self.fail("incomplete_list", message);
            }
            self.finish(Finished::new(Outcome::Done));
        } else if self.given.len() == known {
            if page.count.is_some_and(|count| given >= count) {
                return self.finish(Finished::new(Outcome::Done));
            }
            let message = format!(
                "page {} of the list of users repeats earlier ones, and would without end",
                self.page
            );
            self.fail("endless_list", message);
        } else if self.page >= MOST_PAGES {
            let message = format!(
                "the list of users has not ended after {MOST_PAGES} pages; a larger `page_size` reads more users"
            );
            self.fail("endless_list", message);
        } else {
            self.turn_page();
        }
    }
}

/// One page of the list.
struct Page {
    users: Vec<Record>,
    /// `bodyLimit`: how many users a full page has.
    size: Option<u64>,
    /// `dataCount`: how many users there are.
    count: Option<u64>,
}

impl Page {
    fn parse(body: &[u8]) -> Result<Self, String> {
        let document = json::parse(body).map_err(|error| error.to_string())?;
        let rows = document
            .pointer("/data/userData")
            .and_then(json::Value::as_array)
            .ok_or("there is no list at `data.userData`")?;
        if rows.len() > MOST_USERS_ON_A_PAGE {
            return Err(format!("it has more than {MOST_USERS_ON_A_PAGE} users"));
        }
        let number = |pointer: &str| document.pointer(pointer).and_then(number);
        Ok(Self {
            users: rows.iter().enumerate().map(user).collect::<Result<_, _>>()?,
            size: number("/data/bodyLimit").filter(|size| *size > 0),
            count: number("/data/dataCount"),
        })
    }
}

/// A number, or a text that is one: what is taken from a query often stays text.
fn number(value: &json::Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// One user as a row. What could be a secret, such as the tokens of devices that other answers of ZAP show in a user, is
/// left out, and so is what is not known.
fn user((index, row): (usize, &json::Value)) -> Result<Record, String> {
    let id = json::text(row, "/id").ok_or_else(|| format!("user {} on it has no `id`", index + 1))?;
    let attribute = |name: &str, pointer: &str| Field {
        name: name.to_owned(),
        value: match row.pointer(pointer) {
            Some(json::Value::Object(_)) | None => Value::Null,
            Some(value) => json::plain(value),
        },
    };
    Ok(Record {
        id: id.to_owned(),
        attributes: vec![
            attribute("name", "/name"),
            attribute("email", "/email"),
            attribute("login_name", "/email"),
            attribute("role_id", "/roleId"),
            attribute("email_verified", "/emailVerified"),
            attribute("ip_addresses", "/iPAddress"),
            attribute("created_at", "/createdAt"),
            attribute("updated_at", "/updatedAt"),
        ],
    })
}
