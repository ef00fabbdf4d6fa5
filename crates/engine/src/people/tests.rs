//! Lists as people write them, and what comes out: users, or the exact words.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::needless_pass_by_value, reason = "`check(…, expect![…])` reads best")]

mod secrets;

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

#[test]
fn a_header_names_the_id_and_attributes() {
    reads(
        "id,name,team\n1001,Ann,\"Sales, north\"\n1002,Bob,\n",
        expect![[r#"
            1001: name="Ann" team="Sales, north"
            1002: name="Bob"
        "#]],
    );
}

#[test]
fn text_stays_text() {
    reads(
        "id,level\n00123,1e5\n12345678901234567890,007\n1e5, x \n",
        expect![[r#"
            00123: level="1e5"
            12345678901234567890: level="007"
            1e5: level=" x "
        "#]],
    );
    reads(
        "{\"id\":12345678901234567890,\"level\":9007199254740993,\"rate\":1.50,\"on\":true,\"off\":null}\n\n\
         {\"id\":\"00123\",\"tags\":[\"a\",2],\"at\":{\"x\":1e5}}\r\n",
        expect![[r#"
            12345678901234567890: level="9007199254740993" rate="1.50" on=true
            00123: tags=["a", "2"] at={x="1e5"}
        "#]],
    );
}

#[test]
fn every_dialect_of_spreadsheets() {
    // A byte order mark, CRLF, quotes, a line break within a cell, lines that are blank or hold nothing but commas.
    reads(
        "\u{feff}ID,Name\r\n\r\n1,\"Ann \"\"A\"\"\"\r\n2,\"two\r\nlines\"\r\n,\r\n\r\n\r\n",
        expect![[r#"
            1: name="Ann \"A\""
            2: name="two\r\nlines"
        "#]],
    );
    reads(
        "id;name\n1;Ann, or Anna\n",
        expect![[r#"
        1: name="Ann, or Anna"
    "#]],
    );
    reads(
        "id\tname\n1\tAnn; or Anna\n",
        expect![[r#"
        1: name="Ann; or Anna"
    "#]],
    );
    reads(
        "\"id,or;so\",id\n1,2",
        expect![[r#"
        2: id,or;so="1"
    "#]],
    );
    // What keeps a spreadsheet from taking a cell for a formula.
    reads(
        "id,name\n'+4912,'=SUM(A1)\n'1,''-x\n",
        expect![[r#"
            +4912: name="=SUM(A1)"
            '1: name="''-x"
        "#]],
    );
    reads("id,name\n", expect![""]);
}

#[test]
fn columns_are_mapped() {
    let settings = PeopleSettings {
        id_column: Some("e-mail".to_owned()),
        map: vec![("team".to_owned(), "Group".to_owned())],
        ..PeopleSettings::default()
    };
    reads_with(
        "Id,E Mail,group,\n7,ann@example.com,north,x\n",
        &settings,
        expect![[r#"
            ann@example.com: team="north"
        "#]],
    );
    reads_with(
        "{\"Id\":7,\"E-Mail\":\"ann@example.com\",\"group\":\"north\"}",
        &settings,
        expect![[r#"
            ann@example.com: team="north"
        "#]],
    );
}

#[test]
fn a_user_acts_once() {
    let settings = PeopleSettings {
        secret_attributes: vec!["token".to_owned()],
        ..PeopleSettings::default()
    };
    let list = "id,name,token\n1,Ann,a\n2,Bob,b\n1,Ann,c\n1,Anna,a\n2,Bob,b\n1,Ann,\n";
    reads_with(
        list,
        &settings,
        expect![[r#"
            1: name="Ann" token=[secret(a), secret(c)]
            2: name="Bob" token=secret(b)
            note: `1` is there more than once, and line 5 has another `name` than line 2, which counts
        "#]],
    );
    let people = checked(list.as_bytes(), &settings).unwrap();
    assert_eq!((people.count(), people.input().rows), (2, Some(6)));
}

#[test]
fn mistakes_of_a_whole_list() {
    let utf16: Vec<u8> = "id\n1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked: Vec<u8> = [b"\xFF\xFE".as_slice(), &utf16].concat();
    for (list, expected) in [
        (
            b"".as_slice(),
            expect![[r#"
            people.csv: there is nothing in it, not even a line of column names
            help: begin with a line of column names, such as `id,name`; or write one JSON object a line
        "#]],
        ),
        (
            &utf16,
            expect![[r#"
            people.csv: is UTF-16, and UTF-8 is wanted
            help: save it as UTF-8; a spreadsheet calls that "CSV UTF-8"
        "#]],
        ),
        (
            &marked,
            expect![[r#"
            people.csv: is UTF-16, and UTF-8 is wanted
            help: save it as UTF-8; a spreadsheet calls that "CSV UTF-8"
        "#]],
        ),
        (
            b"PK\x03\x04rest",
            expect![[r#"
            people.csv: is a workbook or an archive, and text is wanted
            help: export the sheet as "CSV UTF-8"
        "#]],
        ),
        (
            b"1001,k3y-of-ann\n1002,k3y-of-bob\n",
            expect![[r#"
            people.csv:1: the first line looks like data, and should name the columns
            help: begin with a line of column names, such as `id,name`; or write one JSON object a line
        "#]],
        ),
        (
            b"user,name\n1,Ann\n",
            expect![[r#"
            people.csv:1: no column is called `id`; the columns are `user`, `name`
            help: say which column holds the ids: --id-column NAME
        "#]],
        ),
        (
            b"id,ID,team,Team\n1,1,1,1\n",
            expect![[r#"
            people.csv:1: the columns `id` and `ID` are both `id`
            help: rename one of them, or leave it out
        "#]],
        ),
        (
            b"id,name,name\n1,1,1\n",
            expect![[r#"
            people.csv:1: the columns `name` and `name` are both `name`
            help: rename one of them, or leave it out
        "#]],
        ),
    ] {
        refuses(list, &PeopleSettings::default(), expected);
    }
}

#[test]
fn columns_that_are_not_there() {
    let settings = PeopleSettings {
        id_column: Some("mail".to_owned()),
        map: vec![("device_token".to_owned(), "tokn".to_owned())],
        secret_columns: vec!["pin".to_owned()],
        words: Words::Script,
        ..PeopleSettings::default()
    };
    refuses(
        b"email,token\n1,2\n",
        &settings,
        expect![[r#"
            people.csv:1: there is no column `mail`; the columns are `email`, `token`
            people.csv:1: there is no column `tokn`; the columns are `email`, `token`
            people.csv:1: there is no column `pin`; the columns are `email`, `token`
            help: did you mean `email`?
            help: did you mean `token`?
        "#]],
    );
    // The first line may be no header, and hold a key.
    refuses(
        b"ann@example.com,k3y0\n1,2\n",
        &settings,
        expect![[r#"
            people.csv:1: there is no column `mail`
            people.csv:1: there is no column `tokn`
            people.csv:1: there is no column `pin`
        "#]],
    );
    refuses(
        b"{\"email\":\"1\",\"tokn\":\"2\"}\n",
        &settings,
        expect![[r#"
            people.csv:1: row 1: there is no id
            help: every row names a user; leave the others out
        "#]],
    );
}

#[test]
fn every_bad_row_is_named() {
    let settings = PeopleSettings {
        secret_attributes: vec!["key".to_owned()],
        ..PeopleSettings::default()
    };
    refuses(
        b"id,name,key\n1,Ann,k\n2,Bob\n3,Cy,k,k\n,Dee,k\n5,\"a\"\"b\xFFc\",k\n6,F\xC3,k\n\"7\n8\",G,k\n9,H,\"k\n",
        &settings,
        expect![[r#"
            people.csv:3: row 2: 2 cells where the header has 3
            people.csv:4: row 3: 4 cells where the header has 3
            people.csv:5: row 4: there is no id
            people.csv:6: row 5, column `name`, byte 50: not UTF-8
            people.csv:7: row 6, column `name`, byte 59: not UTF-8
            people.csv:8: row 7, column `id`, byte 63: the id holds a control character, such as a line break
            people.csv:10: byte 77: the quote that begins here is never closed
            help: a cell that holds a comma or a line break stands in quotes
            help: every row names a user; leave the others out
            help: save it as UTF-8; a spreadsheet calls that "CSV UTF-8"
            help: a quote within a cell is written twice
        "#]],
    );
    refuses(
        b"{\"id\":\"1\",\"key\":5.0}\n{\"id\":1.0}\n{\"id\":\"2\",}\n[1]\n{\"id\":\"3\",\"key\":{}}\n\
          {\"id\":\"4\",\"id\":\"4\"}\n{\"id\":true}\n{\"id\":\"5\",\"name\":\"\xFF\"}\n{\"id\":\"6\"} x\n",
        &settings,
        expect![[r#"
            people.csv:2: row 2, column `id`, byte 28: the id is a number that is not written in digits alone
            people.csv:3: row 3, byte 43: no JSON: trailing comma
            people.csv:4: row 4, byte 45: no JSON object
            people.csv:5: row 5, column `key`, byte 65: a secret is text, or a list of texts
            people.csv:6: row 6, column `id`, byte 84: the columns `id` and `id` are both `id`
            people.csv:7: row 7, column `id`, byte 95: the id is true or false, and text is wanted
            people.csv:8: row 8, byte 119: not UTF-8
            people.csv:9: row 9, byte 134: no JSON: trailing characters
            help: write it in quotes, as it is to be sent
            help: rename one of them, or leave it out
            help: save it as UTF-8; a spreadsheet calls that "CSV UTF-8"
        "#]],
    );
}

#[test]
fn text_behind_a_quote_is_no_part_of_a_cell() {
    refuses(
        b"id,name\n\"63d1\"4,x\n1,\"Ann\" \n2,\"a \"\"b\"\"\",\"c\"d\n3,\"Bob\"\r\n4,\"un\"closed\n5,\"\"\"\"x\n",
        &PeopleSettings::default(),
        expect![[r#"
            people.csv:2: row 1, column `id`, byte 15: there is text behind the quote that ends the cell
            people.csv:3: row 2, column `name`, byte 26: there is text behind the quote that ends the cell
            people.csv:4: row 3, byte 43: there is text behind the quote that ends the cell
            people.csv:6: row 5, column `name`, byte 60: there is text behind the quote that ends the cell
            people.csv:7: row 6, column `name`, byte 73: there is text behind the quote that ends the cell
            help: a quote within a cell is written twice
        "#]],
    );
    refuses(
        b"id,\"na\"me\n1,x\n",
        &PeopleSettings::default(),
        expect![[r#"
        people.csv:1: byte 8: there is text behind the quote that ends the cell
        help: a quote within a cell is written twice
    "#]],
    );
    // Within a cell without quotes it is a letter like others.
    reads(
        "id,size\n1,3\" or 5\"\n2,\"3\"\" or 5\"\"\"",
        expect![[r#"
        1: size="3\" or 5\""
        2: size="3\" or 5\""
    "#]],
    );
}

#[test]
fn what_could_not_be_sent_as_it_stands() {
    let settings = PeopleSettings {
        secret_attributes: vec!["key".to_owned()],
        keys: vec!["key".to_owned()],
        ..PeopleSettings::default()
    };
    // Two of them were one key in a header.
    refuses(
        b"id,key\nann,k1\nbob,k1 \ncy,\" k1\"\ndee,\"k1\n\"\n eva,k2\nfay ,k3\n",
        &settings,
        expect![[r#"
            people.csv:3: row 2, column `key`, byte 19: there are blanks around the secret
            people.csv:4: row 3, column `key`, byte 26: there are blanks around the secret
            people.csv:5: row 4, column `key`, byte 36: the secret holds a control character, such as a line break
            people.csv:7: row 5, column `id`, byte 42: there are blanks around the id
            people.csv:8: row 6, column `id`, byte 50: there are blanks around the id
            help: take them away: they are no part of it
        "#]],
    );
    refuses(
        b"{\"id\":\"1\",\"key\":\" k1\"}\n{\"id\":\"2\",\"key\":[\"a\",\"b\\u0000\"]}\n{\"id\":\"3\\u00a0\"}\n\
          {\"id\":\"4\",\"name\":{\"first\":\"Ann\"}}\n{\"id\":\"5\",\"team\":\"a\\u0000\"}\n",
        &settings,
        expect![[r#"
            people.csv:1: row 1, column `key`, byte 17: there are blanks around the secret
            people.csv:2: row 2, column `key`, byte 40: the secret holds a control character, such as a line break
            people.csv:3: row 3, column `id`, byte 63: there are blanks around the id
            people.csv:4: row 4, column `name`, byte 91: the name is an object, and text is wanted
            people.csv:5: row 5, column `team`, byte 125: the cell holds a NUL, which no text does
            help: take them away: they are no part of it
        "#]],
    );
}

#[test]
fn what_is_no_list_of_this_kind() {
    for (list, expected) in [
        (
            b"[{\"id\":\"1\"}]\n".as_slice(),
            expect![[r#"
            people.csv: is a JSON array, and one object a line is wanted
            help: `jq -c '.[]' FILE` writes it so
        "#]],
        ),
        (
            b"sep=;\nid;name\n1;Ann\n",
            expect![[r#"
            people.csv:1: the first line tells a spreadsheet what separates the cells, and should name the columns
            help: leave that line out, and begin with one of column names, such as `id,name`
        "#]],
        ),
        (
            b"# people of the north\nid,name\n1,Ann\n",
            expect![[r#"
            people.csv:1: the first line is a comment, and should name the columns
            help: leave that line out, and begin with one of column names, such as `id,name`
        "#]],
        ),
        (
            b"id|name\n1|Ann\n",
            expect![[r#"
            people.csv:1: the cells are separated by `|`
            help: separate them by commas, semicolons or tabs
        "#]],
        ),
    ] {
        refuses(list, &PeopleSettings::default(), expected);
    }
}

#[test]
fn ten_mistakes_are_shown_and_all_are_counted() {
    let list = format!("id,name\n{}", ",x\n".repeat(25));
    let error = checked(list.as_bytes(), &PeopleSettings::default())
        .err()
        .unwrap();
    let text = error.to_string();
    assert_eq!(text.lines().count(), 11, "{text}");
    assert!(text.ends_with("\nand 15 more mistakes in `people.csv`"), "{text}");
}

#[test]
fn a_row_without_end_fills_no_memory() {
    let endless = format!("id,name\n1,{}\n", "x".repeat(2 << 20));
    refuses(
        endless.as_bytes(),
        &PeopleSettings::default(),
        expect![[r#"
            people.csv:2: byte 11: the row is longer than 1MiB
        "#]],
    );
    let endless = format!("{{\"id\":\"{}\"}}\n", "x".repeat(2 << 20));
    refuses(
        endless.as_bytes(),
        &PeopleSettings::default(),
        expect![[r#"
            people.csv:1: the row is longer than 1MiB
        "#]],
    );
}

#[test]
fn a_file_is_read_anew_and_must_stay_as_it_was() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"id\n1\n2\n").unwrap();
    let content = Content::open(file.path()).unwrap();
    let secrets = Arc::default();
    let people = Arc::new(People::check(content, PeopleSettings::default(), &secrets).unwrap());
    assert_eq!(people.users().unwrap().filter_map(Result::ok).count(), 2);
    file.write_all(b"3\n").unwrap();
    let read: Vec<_> = people.users().unwrap().collect();
    let error = read.last().unwrap().as_ref().err().unwrap().to_string();
    assert!(
        error.ends_with(": was changed since it was first read"),
        "{error}"
    );
    let folder = tempfile::tempdir().unwrap();
    let error = Content::open(folder.path()).err().unwrap().to_string();
    assert!(error.ends_with(": is a folder, not a file"), "{error}");
    let error = Content::open(&folder.path().join("none.csv"))
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("none.csv: cannot be read: "), "{error}");
}

#[test]
fn a_pipe_is_held_up_to_a_limit() {
    let error = Content::hold("-", std::io::repeat(b'x')).err().unwrap();
    expect![[r#"
        -: gives more than 64MiB, which is the most that is held in memory
        help: put it into a file, which is read piece by piece
    "#]]
    .assert_eq(&told(&error));
}

proptest! {
    #[test]
    fn what_is_written_comes_back(
        names in prop::collection::btree_set("[a-z]{3,8}", 0..5),
        rows in prop::collection::vec(prop::collection::vec("[ -~äß€\n\r,;\t\"]{0,12}", 5), 0..20),
        crlf in any::<bool>(),
    ) {
        prop_assume!(!names.contains("name"));
        let mut header = vec!["id".to_owned()];
        header.extend(names);
        let mut expected = String::new();
        let mut writer = ::csv::WriterBuilder::new();
        if crlf {
            writer.terminator(::csv::Terminator::CRLF);
        }
        let mut writer = writer.from_writer(Vec::new());
        writer.write_record(&header).unwrap();
        for (number, cells) in rows.iter().enumerate() {
            let cells: Vec<&str> = cells.iter().take(header.len() - 1).map(String::as_str).collect();
            let id = format!("0{number}");
            let mut line = vec![id.as_str()];
            line.extend(&cells);
            writer.write_record(&line).unwrap();
            expected.push_str(&id);
            expected.push(':');
            for (name, cell) in header[1..].iter().zip(&cells) {
                let stripped = cell.strip_prefix('\'').filter(|rest| rest.starts_with(['=', '+', '-', '@']));
                if !cell.is_empty() {
                    write!(expected, " {name}={:?}", stripped.unwrap_or(cell)).unwrap();
                }
            }
            expected.push('\n');
        }
        let written = writer.into_inner().unwrap();
        prop_assert_eq!(shown(&written, &PeopleSettings::default()).unwrap(), expected);
    }

    #[test]
    fn no_bytes_break_it(
        head in prop::sample::select(vec!["", "id,key\n", "{\"id\":\"", "\u{feff}id;x\r\n", "id\t\"a\n"]),
        tail in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let settings = PeopleSettings {
            secret_attributes: vec!["key".to_owned()],
            keys: vec!["key".to_owned()],
        needs_keys: true,
            ..PeopleSettings::default()
        };
        let list = [head.as_bytes(), &tail].concat();
        let _ = shown(&list, &settings).map_err(|error| told(&error));
        let _ = shown(&list, &PeopleSettings::default()).map_err(|error| told(&error));
    }
}

fn reads(list: &str, expected: Expect) {
    reads_with(list, &PeopleSettings::default(), expected);
}

fn reads_with(list: &str, settings: &PeopleSettings, expected: Expect) {
    match shown(list.as_bytes(), settings) {
        Ok(users) => expected.assert_eq(&users),
        Err(error) => panic!("{error}"),
    }
}

fn refuses(list: &[u8], settings: &PeopleSettings, expected: Expect) {
    match shown(list, settings) {
        Ok(users) => panic!("{users}"),
        Err(error) => expected.assert_eq(&told(&error)),
    }
}

fn told(error: &PeopleError) -> String {
    let mut text = format!("{error}\n");
    for hint in error.hint().lines() {
        writeln!(text, "help: {hint}").unwrap();
    }
    text
}

fn checked(list: &[u8], settings: &PeopleSettings) -> Result<Arc<People>, PeopleError> {
    let content = Content::hold("people.csv", list)?;
    People::check(content, settings.clone(), &Arc::default()).map(Arc::new)
}

fn shown(list: &[u8], settings: &PeopleSettings) -> Result<String, PeopleError> {
    let people = checked(list, settings)?;
    let mut text = String::new();
    let mut count = 0;
    for user in people.users()? {
        let user = user?;
        count += 1;
        text.push_str(&user.id);
        text.push(':');
        for field in &user.attributes {
            write!(text, " {}={}", field.name, value(&people, &field.value)).unwrap();
        }
        text.push('\n');
    }
    assert_eq!(count, people.count());
    for note in people.notes() {
        writeln!(text, "note: {note}").unwrap();
    }
    Ok(text)
}

fn value(people: &People, shown: &Value) -> String {
    match shown {
        Value::Text(text) => format!("{text:?}"),
        Value::Boolean(boolean) => boolean.to_string(),
        Value::Secret(handle) => format!("secret({})", people.secrets.open(*handle).unwrap().1.expose()),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| value(people, item)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| format!("{}={}", field.name, value(people, &field.value)))
                .collect();
            format!("{{{}}}", fields.join(" "))
        }
        other => format!("{other:?}"),
    }
}
