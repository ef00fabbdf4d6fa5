//! Tutorials as data: what `signoff.tutorial({ … })` of a script declares.
//!
//! The shape is that of the types `Tutorial`, `Step`, `Task` and `Expectations` in `scripts/types/signoff.luau`. Every
//! mistake names the part it is in, as `steps[3].request.url`.

mod parts;

use std::path::Path;
use std::time::Duration;

use signoff_core::Value;
use signoff_engine::parameters::parse_duration;

use crate::template::Template;
use crate::tutorial::{
    Action, Auth, BodyFormat, Capture, CaptureSource, Check, Expectation, FeedAction, FeedLogin, JsonKind,
    Login, Notification, Place, Request, Step, Task, Tutorial,
};
use parts::{Part, Parts};

/// A tutorial that a script declares, and the values that it gives its variables.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeclaredTutorial {
    /// What there is to replay.
    pub tutorial: Tutorial,
    /// Names and values.
    pub variables: Vec<(String, String)>,
}

/// What is wrong with a declaration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` {problem}")]
pub struct Mistake {
    /// Which part.
    pub path: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Reads a declaration. `text` is the script's, in which steps are found again by their titles.
///
/// # Errors
/// With every mistake there is.
pub fn read(file: &Path, text: &str, declared: &Value) -> Result<DeclaredTutorial, Vec<Mistake>> {
    let mut reader = Reader {
        file,
        text,
        mistakes: Vec::new(),
    };
    let read = reader.tutorial(declared);
    if reader.mistakes.is_empty() {
        Ok(read)
    } else {
        Err(reader.mistakes)
    }
}

struct Reader<'a> {
    file: &'a Path,
    text: &'a str,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    fn tutorial(&mut self, declared: &Value) -> DeclaredTutorial {
        let parts = Parts::of(
            Part::root(declared),
            &["title", "variables", "steps"],
            &mut self.mistakes,
        );
        let title = parts.text("title", &mut self.mistakes);
        let variables = parts.texts("variables", &mut self.mistakes);
        let mut steps = Vec::new();
        for (number, step) in parts.list("steps", &mut self.mistakes).into_iter().enumerate() {
            steps.push(self.step(number + 1, step));
        }
        if steps.is_empty() {
            self.mistake("tutorial.steps", "has nothing to replay");
        }
        DeclaredTutorial {
            tutorial: Tutorial {
                title: title.unwrap_or_else(|| {
                    self.file
                        .file_stem()
                        .unwrap_or_default()
                        .to_string_lossy()
                        .into_owned()
                }),
                steps,
            },
            variables,
        }
    }

    fn step(&mut self, number: usize, part: Part<'_>) -> Step {
        let path = part.path.clone();
        let known = [
            "title", "text", "tasks", "request", "feed", "person", "expect", "copy",
        ];
        let parts = Parts::of(part, &known, &mut self.mistakes);
        let title = parts.text("title", &mut self.mistakes).unwrap_or_default();
        if title.is_empty() {
            self.mistake(&path, "has no `title`");
        }
        let place = self.place(&title);
        let prose = parts.text("text", &mut self.mistakes);
        let several = parts.list("tasks", &mut self.mistakes);
        let itself = ["request", "feed", "person"].iter().any(|name| parts.has(name));
        let mut tasks = Vec::new();
        if itself && !several.is_empty() {
            self.mistake(&path, "has a task of its own and `tasks` beside it");
        } else if itself {
            tasks.extend(self.task(&parts, &path, &place));
        }
        for task in several {
            let path = task.path.clone();
            let parts = Parts::of(
                task,
                &["request", "feed", "person", "expect", "copy"],
                &mut self.mistakes,
            );
            tasks.extend(self.task(&parts, &path, &place));
        }
        Step {
            number: number.to_string(),
            title,
            place,
            prose: prose.into_iter().collect(),
            tasks,
        }
    }

    fn task(&mut self, parts: &Parts<'_>, path: &str, place: &Place) -> Option<Task> {
        let request = parts.table("request", &mut self.mistakes);
        let feed = parts.table("feed", &mut self.mistakes);
        let person = parts.text("person", &mut self.mistakes);
        let action = match (request, feed, person) {
            (Some(request), None, None) => self.request(request),
            (None, Some(feed), None) => self.feed(feed),
            (None, None, Some(words)) => Some(Action::Human(words)),
            _ => {
                self.mistake(
                    path,
                    "does not have exactly one of `request`, `feed` and `person`",
                );
                None
            }
        };
        let expectations = match parts.table("expect", &mut self.mistakes) {
            Some(expect) => self.expectations(expect, place),
            None => Vec::new(),
        };
        let copied = parts.texts("copy", &mut self.mistakes).into_iter();
        let captures = copied
            .map(|(variable, source)| Capture {
                place: place.clone(),
                variable,
                source: match source.split_once(':').map(|(kind, rest)| (kind, rest.trim())) {
                    Some(("header", name)) => CaptureSource::Header(name.to_owned()),
                    Some(("notification", path)) => CaptureSource::Notified(path.to_owned()),
                    _ if source.starts_with('/') => CaptureSource::Pointer(source),
                    _ => CaptureSource::Element(source),
                },
            })
            .collect();
        Some(Task {
            place: place.clone(),
            action: action?,
            expectations,
            captures,
        })
    }

    fn request(&mut self, part: Part<'_>) -> Option<Action> {
        let path = part.path.clone();
        let known = [
            "method", "url", "basic", "bearer", "headers", "xml", "json", "body",
        ];
        let parts = Parts::of(part, &known, &mut self.mistakes);
        let method = parts.required("method", &mut self.mistakes);
        let url = parts.required("url", &mut self.mistakes);
        let basic = parts
            .table("basic", &mut self.mistakes)
            .map(|basic| self.login(basic).map(Auth::Basic));
        let bearer = parts.text("bearer", &mut self.mistakes);
        if basic.is_some() && bearer.is_some() {
            self.mistake(&path, "has both `basic` and `bearer`");
        }
        let auth = basic
            .flatten()
            .or_else(|| bearer.map(|token| Auth::Bearer(Template::new(token))));
        let mut headers: Vec<(String, Template)> = parts
            .texts("headers", &mut self.mistakes)
            .into_iter()
            .map(|(name, value)| (name, Template::new(value)))
            .collect();
        let mut body = None;
        for (name, content_type) in [
            ("xml", "application/xml"),
            ("json", "application/json"),
            ("body", ""),
        ] {
            let Some(text) = parts.text(name, &mut self.mistakes) else {
                continue;
            };
            if body.replace(Template::new(text.trim())).is_some() {
                self.mistake(&path, "has more than one of `xml`, `json` and `body`");
            }
            let is_typed = headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
            if !content_type.is_empty() && !is_typed {
                headers.insert(0, ("Content-Type".to_owned(), Template::from(content_type)));
            }
        }
        let is_method =
            |method: &str| !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
        if method.as_deref().is_some_and(|method| !is_method(method)) {
            self.mistake(&format!("{path}.method"), "is no method: write `GET`, `PUT`, …");
        }
        let (method, url) = (method?, url?);
        Some(Action::Request(Request {
            method,
            url: Template::new(url),
            headers,
            auth,
            body,
        }))
    }

    fn login(&mut self, part: Part<'_>) -> Option<Login> {
        let parts = Parts::of(part, &["username", "password"], &mut self.mistakes);
        let username = parts.required("username", &mut self.mistakes);
        let password = parts.required("password", &mut self.mistakes);
        Some(Login {
            username: Template::new(username?),
            password: Template::new(password?),
        })
    }

    fn feed(&mut self, part: Part<'_>) -> Option<Action> {
        let path = part.path.clone();
        let known = ["connect", "disconnect", "subscribe", "unsubscribe", "list"];
        let parts = Parts::of(part, &known, &mut self.mistakes);
        let mut actions = Vec::new();
        if let Some(connect) = parts.table("connect", &mut self.mistakes) {
            let known = ["username", "password", "domain", "server"];
            let parts = Parts::of(connect, &known, &mut self.mistakes);
            let username = parts.required("username", &mut self.mistakes);
            let password = parts.required("password", &mut self.mistakes);
            let text =
                |name: &str, mistakes: &mut Vec<Mistake>| parts.text(name, mistakes).map(Template::new);
            actions.push(FeedAction::Connect(FeedLogin {
                server: text("server", &mut self.mistakes),
                domain: text("domain", &mut self.mistakes),
                login: Login {
                    username: Template::new(username?),
                    password: Template::new(password?),
                },
            }));
        }
        if let Some(node) = parts.text("subscribe", &mut self.mistakes) {
            actions.push(FeedAction::Subscribe(Template::new(node)));
        }
        if let Some(node) = parts.text("unsubscribe", &mut self.mistakes) {
            actions.push(FeedAction::Unsubscribe(Template::new(node)));
        }
        if parts.flag("disconnect", &mut self.mistakes) {
            actions.push(FeedAction::Disconnect);
        }
        if parts.flag("list", &mut self.mistakes) {
            actions.push(FeedAction::ListSubscriptions);
        }
        let only = actions.pop();
        if only.is_none() || !actions.is_empty() {
            self.mistake(
                &path,
                "does not have exactly one of `connect`, `disconnect`, `subscribe`, `unsubscribe` and `list`",
            );
        }
        only.map(Action::Feed)
    }

    fn expectations(&mut self, part: Part<'_>, place: &Place) -> Vec<Expectation> {
        let known = [
            "status",
            "body",
            "contains",
            "element",
            "pointer",
            "kind",
            "header",
            "has_header",
            "within",
            "notification",
            "no_notification",
            "confirmed",
            "subscribed",
            "not_subscribed",
            "seen",
        ];
        let path = part.path.clone();
        let parts = Parts::of(part, &known, &mut self.mistakes);
        let mut checks = Vec::new();
        if let Some(status) = parts.number("status", &mut self.mistakes) {
            match u16::try_from(status) {
                Ok(status) if (100..600).contains(&status) => checks.push(Check::Status(status)),
                _ => self.mistake(&format!("{path}.status"), "is no HTTP status"),
            }
        }
        if let Some(body) = parts.text("body", &mut self.mistakes) {
            match body.as_str() {
                "empty" => checks.push(Check::BodyEmpty),
                "xml" => checks.push(Check::BodyFormat(BodyFormat::Xml)),
                "json" => checks.push(Check::BodyFormat(BodyFormat::Json)),
                _ => self.mistake(
                    &format!("{path}.body"),
                    "is none of \"empty\", \"xml\" and \"json\"",
                ),
            }
        }
        if let Some(text) = parts.text("contains", &mut self.mistakes) {
            checks.push(Check::BodyContains(Template::new(text)));
        }
        let named = |name: &str, mistakes: &mut Vec<Mistake>| {
            let texts = parts.texts(name, mistakes).into_iter();
            texts
                .map(|(name, value)| (name, Template::new(value)))
                .collect::<Vec<_>>()
        };
        for (path, equals) in named("element", &mut self.mistakes) {
            checks.push(Check::Element { path, equals });
        }
        for (pointer, equals) in named("pointer", &mut self.mistakes) {
            checks.push(Check::Pointer { pointer, equals });
        }
        for (pointer, name) in parts.texts("kind", &mut self.mistakes) {
            match JsonKind::ALL.into_iter().find(|kind| kind.name() == name) {
                Some(kind) => checks.push(Check::PointerKind { pointer, kind }),
                None => self.mistake(
                    &format!("{path}.kind"),
                    &format!("has `{name}`, which is no kind of a JSON value"),
                ),
            }
        }
        for (name, equals) in named("header", &mut self.mistakes) {
            checks.push(Check::Header { name, equals });
        }
        if let Some(name) = parts.text("has_header", &mut self.mistakes) {
            checks.push(Check::HeaderPresent(name));
        }
        if let Some(time) = self.duration(&parts, "within") {
            checks.push(Check::Within(time));
        }
        if parts.flag("confirmed", &mut self.mistakes) {
            checks.push(Check::FeedAnswer);
        }
        if let Some(node) = parts.text("subscribed", &mut self.mistakes) {
            checks.push(Check::Subscribed(Template::new(node)));
        }
        if let Some(node) = parts.text("not_subscribed", &mut self.mistakes) {
            checks.push(Check::NotSubscribed(Template::new(node)));
        }
        if let Some(notification) = parts.table("notification", &mut self.mistakes) {
            checks.push(self.notification(notification));
        }
        if parts.is_text("no_notification") {
            let within = self.duration(&parts, "no_notification");
            checks.push(Check::NoNotification { within });
        } else if parts.flag("no_notification", &mut self.mistakes) {
            checks.push(Check::NoNotification { within: None });
        }
        if let Some(words) = parts.text("seen", &mut self.mistakes) {
            checks.push(Check::Seen(words));
        }
        let place = || place.clone();
        checks
            .into_iter()
            .map(|check| Expectation {
                place: place(),
                check,
            })
            .collect()
    }

    fn notification(&mut self, part: Part<'_>) -> Check {
        let parts = Parts::of(part, &["about", "element", "within"], &mut self.mistakes);
        let elements = parts.texts("element", &mut self.mistakes).into_iter();
        Check::Notification(Notification {
            about: parts.text("about", &mut self.mistakes),
            elements: elements
                .map(|(path, equals)| (path, Template::new(equals)))
                .collect(),
            within: self.duration(&parts, "within"),
        })
    }

    fn duration(&mut self, parts: &Parts<'_>, name: &str) -> Option<Duration> {
        let text = parts.text(name, &mut self.mistakes)?;
        match parse_duration(&text) {
            Ok(duration) => Some(duration),
            Err(error) => {
                self.mistake(&parts.path_of(name), &format!("is no duration: {error}"));
                None
            }
        }
    }

    /// Where a step begins: at its title, as it stands in the script.
    fn place(&self, title: &str) -> Place {
        let line = self
            .text
            .lines()
            .position(|line| !title.is_empty() && line.contains(title));
        Place {
            file: self.file.to_owned(),
            line: line.map_or(1, |line| line + 1),
        }
    }

    fn mistake(&mut self, path: &str, problem: &str) {
        self.mistakes.push(Mistake {
            path: path.to_owned(),
            problem: problem.to_owned(),
        });
    }
}
