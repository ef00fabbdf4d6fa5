//! The one table of what scripts can call, from which editor types and help come; tests hold it against the machine.

use std::fmt::Write as _;

/// A function or value of `@signoff`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// After `signoff.`: `each`, `arg.string`.
    pub name: &'static str,
    /// Its type in Luau.
    pub signature: &'static str,
    /// What it does; sentences.
    pub doc: &'static str,
}

/// Everything in `@signoff`.
pub const FUNCTIONS: &[Entry] = &[
    Entry {
        name: "workflow",
        signature: "(parts: { summary: string?, args: { [string]: Argument }?, run: (args: any) -> ...any }) -> Workflow",
        doc: "What a script returns: a line about itself, the arguments it takes, and what it does.",
    },
    Entry {
        name: "tutorial",
        signature: "(parts: { title: string?, variables: { [string]: string }?, steps: { Step } }) -> Tutorial",
        doc: "What a script returns that is replayed instead of run (`signoff replay`): steps, each with what is sent and what is to be seen.",
    },
    Entry {
        name: "arg.string",
        signature: "(settings: { default: string?, help: string? }?) -> Argument",
        doc: "An argument that is any text.",
    },
    Entry {
        name: "arg.number",
        signature: "(settings: { default: number?, help: string? }?) -> Argument",
        doc: "An argument that is a number.",
    },
    Entry {
        name: "arg.boolean",
        signature: "(settings: { default: boolean?, help: string? }?) -> Argument",
        doc: "An argument that is true or false.",
    },
    Entry {
        name: "arg.duration",
        signature: "(settings: { default: Duration?, help: string? }?) -> Argument",
        doc: "An argument that is a length of time with its unit: \"500ms\", \"30s\", \"15m\", \"2h\".",
    },
    Entry {
        name: "arg.list",
        signature: "(settings: { default: { string }?, help: string? }?) -> Argument",
        doc: "An argument that is several texts, separated by commas.",
    },
    Entry {
        name: "arg.file",
        signature: "(settings: { default: string?, help: string? }?) -> Argument",
        doc: "An argument that is a file. The script gets a File; its hash belongs to the run. With the default \"\" it may be left out, and the script gets \"\".",
    },
    Entry {
        name: "arg.connection",
        signature: "(provider: string, settings: { default: string?, help: string? }?) -> Argument",
        doc: "An argument that is the name of a connection of this provider. May be omitted if there is just one.",
    },
    Entry {
        name: "connect",
        signature: "(name: string, options: { as: string? }?) -> Connection",
        doc: "A configured connection. Its methods are the operations of its provider. `as` names another credential to act as.",
    },
    Entry {
        name: "each",
        signature: "<T>(items: { T } | (() -> T?) | Outcome, body: (item: T) -> ...any, options: { concurrency: number?, stop_on: (OutcomeName | { OutcomeName })?, max_fail: (number | string)? }?) -> Totals",
        doc: "Runs the function for every item, many at once: up to `concurrency` (1024, at most 10000) are begun, and how fast a vendor is asked is up to its connection. Users come into scope before the function sees them; the acting user comes last. An item counts by the outcome that the function returns, or else by the last one an operation gave in it. `stop_on` and `max_fail` (a number, or \"5%\") begin no more items. An error begins no more, lets calls end, and is raised.",
    },
    Entry {
        name: "people",
        signature: "(file: File | string, options: { id_column: string?, map: { [string]: string }?, secret_columns: (string | { string })?, connection: (Connection | string)? }?) -> (() -> Person?)",
        doc: "The users of a CSV or of JSON lines, one after the other, for `signoff.each` or a loop. The file was given as an argument; all of it is checked before the first user comes. The column `id` holds the ids, unless `id_column` names another; `map` says which column an attribute comes from; the others are attributes under their own names, always text. What the connection's provider marks as secret, or without a `connection` that of any, and the `secret_columns` come as Secrets.",
    },
    Entry {
        name: "skip",
        signature: "(user: User, reason: string) -> Outcome",
        doc: "Leaves a user out, and says why in the report.",
    },
    Entry {
        name: "sleep",
        signature: "(duration: Duration) -> ()",
        doc: "Waits. In a plan the script's clock moves on at once.",
    },
    Entry {
        name: "now",
        signature: "() -> number",
        doc: "The time in seconds since 1970, to the millisecond. The same when the run is resumed.",
    },
    Entry {
        name: "seconds",
        signature: "(duration: Duration) -> number",
        doc: "A duration as a number of seconds: \"1m30s\" is 90. The other way round, write `{seconds}s`.",
    },
    Entry {
        name: "time",
        signature: "(text: string?) -> number?",
        doc: "A moment as rows and outcomes carry it (RFC 3339), in seconds since 1970, to be compared with `signoff.now()`. Nil for nil, and for a text that is no moment.",
    },
    Entry {
        name: "log",
        signature: "(level: \"debug\" | \"info\" | \"warn\" | \"error\", text: string, fields: { [string]: any }?) -> ()",
        doc: "Says something to whoever watches the run. `print` does the same at level \"info\".",
    },
    Entry {
        name: "planning",
        signature: "boolean",
        doc: "Whether this is a plan: every effect is held back, and nothing waits.",
    },
];

/// The types that signatures name.
const TYPES: &str = r#"
export type Duration = string

export type OutcomeName =
    "done" | "already" | "skipped" | "planned" | "accepted" | "pending" | "busy"
    | "refused" | "not_found" | "denied" | "failed" | "unknown" | "cancelled"

--- What became of one operation on one user; what is absent is nil.
export type Outcome = {
    run: string,
    connection: string?,
    provider: string?,
    operation: string?,
    user: string,
    name: string?,
    outcome: OutcomeName,
    confirmed_by: ("response" | "status" | "event")?,
    attempts: number,
    repeated: boolean,
    http_status: number?,
    code: string?,
    message: string?,
    request_id: string?,
    started: string,
    ended: string,
    details: { [string]: any },
}

--- A row of a roster or status: the id, the connection it came from, and what the provider knows of the user.
export type Row = { id: string, connection: string, [string]: any }

--- What stands for a secret of a user: it can be handed on and compared, and says nothing.
export type Secret = unknown

--- A user of a list: the id, and what the columns say, which is text, or a Secret.
export type Person = { id: string, connection: string?, [string]: any }

--- Whom a call is about: an id (always text), a row, a person of a list, or an earlier outcome.
export type User = string | Row | Person | Outcome

--- What `signoff.each` gives: how many items, how many of each outcome, how many are out, and the outcomes of those
--- who are not (skipped and planned ones aside).
export type Totals = {
    total: number,
    counts: { [string]: number },
    out: number,
    not_out: { Outcome },
    stopped: boolean,
}

--- A connection. Operations about a user take (user, options), others take a table of arguments; they give an
--- outcome, a row or rows, and an outcome whenever a read failed.
export type Connection = {
    name: string,
    provider: string,
    actor: string?,
    --- What happens to users from here on, as the vendor tells it: iterate over it. It ends after `within`; in a plan at
    --- once. What happens while the feed is lost is missed, and a warning says so.
    events: (self: Connection, options: { team: string?, within: Duration? }?) -> () -> Row?,
    --- Waits until a user is in a state, at most for that time (30s); gives the row that shows it, or nil. The vendor
    --- tells of it; before, after a gap and in the end his state is read. In a plan it does not wait.
    wait_for: (
        self: Connection,
        options: { user: User, state: string, within: Duration?, team: string? }
    ) -> Row?,
    [string]: (self: Connection, ...any) -> any,
}

--- A file that was given as an argument, read line by line.
export type File = {
    path: string,
    sha256: string,
    lines: (self: File) -> () -> string?,
}

export type Argument = { kind: string }
export type Workflow = { summary: string }

--- What is to be seen after something was sent. `{{name}}` in a text is a variable of the environment, `{name}` a value
--- that an earlier step copied. Paths name elements, the innermost last: "Team/id".
export type Expectations = {
    status: number?,
    body: ("empty" | "xml" | "json")?,
    contains: string?,
    element: { [string]: string }?,
    pointer: { [string]: string }?,
    kind: { [string]: "null" | "boolean" | "number" | "string" | "array" | "object" }?,
    header: { [string]: string }?,
    has_header: string?,
    within: Duration?,
    notification: { about: string?, element: { [string]: string }?, within: Duration? }?,
    no_notification: (boolean | Duration)?,
    confirmed: boolean?,
    subscribed: string?,
    not_subscribed: string?,
    seen: string?,
}

--- One thing to do: `request`, `feed` or `person`; then what is to be seen, and what is kept of it.
export type Task = {
    request: {
        method: string,
        url: string,
        basic: { username: string, password: string }?,
        bearer: string?,
        headers: { [string]: string }?,
        xml: string?,
        json: string?,
        body: string?,
    }?,
    feed: {
        connect: { username: string, password: string, domain: string?, server: string? }?,
        disconnect: boolean?,
        subscribe: string?,
        unsubscribe: string?,
        list: boolean?,
    }?,
    person: string?,
    expect: Expectations?,
    --- Names, and where their values stand: `Team/id`, `/data/id`, `header: ETag`, `notification: Team/id`.
    copy: { [string]: string }?,
}

--- A step with one task, or with several in `tasks`.
export type Step = Task & { title: string, text: string?, tasks: { Task }? }
export type Tutorial = { parts: any }
"#;

/// The types for editors: a Luau module for the alias `@signoff`.
#[must_use]
pub fn editor_types() -> String {
    let mut text =
        String::from("--!strict\n-- Types of the module `@signoff`, for editors. Generated; do not edit.\n");
    text.push_str(TYPES);
    text.push_str("\nexport type Arg = {\n");
    for entry in FUNCTIONS {
        if let Some(name) = entry.name.strip_prefix("arg.") {
            member(&mut text, name, entry);
        }
    }
    text.push_str(
        "}\n\nexport type Signoff = {\n    --- Types for the arguments of a workflow.\n    arg: Arg,\n",
    );
    for entry in FUNCTIONS.iter().filter(|entry| !entry.name.contains('.')) {
        member(&mut text, entry.name, entry);
    }
    text.push_str("}\n\nreturn (nil :: any) :: Signoff\n");
    text
}

/// What stands directly in `signoff`.
pub(crate) fn top_level() -> Vec<&'static str> {
    let mut names: Vec<&str> = FUNCTIONS
        .iter()
        .map(|entry| entry.name.split_once('.').map_or(entry.name, |(first, _)| first))
        .collect();
    names.dedup();
    names
}

fn member(text: &mut String, name: &str, entry: &Entry) {
    for line in wrap(entry.doc, 110) {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "    --- {line}");
    }
    let _ = writeln!(text, "    {name}: {},", entry.signature);
}

/// Breaks a text into lines of at most so many characters, where words allow it.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
