//! The header is the source of truth: it compiles as C99 and as C++11, and the Rust mirror agrees with it in every
//! structure, member, type, function and constant. Nothing that is in one is missing from the other.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "it is a test"
)]

use std::collections::BTreeSet;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use signoff_core::abi::layout::{CONSTANTS, ENTRY_POINT, STRUCTURES};

#[test]
fn the_mirror_agrees_with_the_header_in_c() {
    compile(
        "CC",
        "cc",
        &["-x", "c", "-std=c99"],
        &program(STRUCTURES, CONSTANTS),
    )
    .unwrap();
}

#[test]
fn the_mirror_agrees_with_the_header_in_cpp() {
    compile(
        "CXX",
        "c++",
        &["-x", "c++", "-std=c++11"],
        &program(STRUCTURES, CONSTANTS),
    )
    .unwrap();
}

/// That the two tests above can fail: each kind of drift is noticed.
#[test]
fn drift_is_noticed() {
    let sound = program(STRUCTURES, CONSTANTS);
    for (what, from, to) in [
        (
            "a size",
            "sizeof(signoff_step) == 48",
            "sizeof(signoff_step) == 56",
        ),
        (
            "an offset",
            "offsetof(signoff_wait, until) == 8",
            "offsetof(signoff_wait, until) == 16",
        ),
        (
            "a constant",
            "SIGNOFF_STEP_WAIT == UINT64_C(3)",
            "SIGNOFF_STEP_WAIT == UINT64_C(4)",
        ),
        (
            "a type of the same size",
            " int64_t *unix_ms =",
            " uint64_t *unix_ms =",
        ),
        (
            "a signature",
            "(signoff_op *, signoff_now, signoff_step",
            "(signoff_op *, uint64_t, signoff_step",
        ),
    ] {
        assert!(sound.contains(from), "{what}: `{from}` is not in the program");
        let drifted = sound.replacen(from, to, 1);
        assert!(
            compile("CC", "cc", &["-x", "c", "-std=c99"], &drifted).is_err(),
            "{what} drifted unnoticed"
        );
    }
}

#[test]
fn no_structure_ends_in_padding() {
    for structure in STRUCTURES {
        let end = structure
            .members
            .iter()
            .map(|member| member.offset + member.size)
            .max();
        assert_eq!(end, Some(structure.size), "{}", structure.c_name);
    }
}

#[test]
fn nothing_in_the_header_is_missing_from_the_mirror() {
    let header = without_comments(&fs::read_to_string(header_folder().join("signoff_provider.h")).unwrap());
    let in_header: BTreeSet<_> = structures_of(&header).collect();
    let in_mirror: BTreeSet<_> = STRUCTURES
        .iter()
        .flat_map(|structure| {
            let members = structure.members.iter();
            members.map(|member| (structure.c_name.to_owned(), member.name.to_owned()))
        })
        .collect();
    assert_eq!(in_header, in_mirror);

    let in_header: BTreeSet<_> = header
        .lines()
        .filter_map(|line| line.strip_prefix("#define SIGNOFF_")?.split_once(' '))
        .filter(|(_, value)| value.starts_with("UINT"))
        .map(|(name, _)| format!("SIGNOFF_{name}"))
        .collect();
    let in_mirror: BTreeSet<_> = CONSTANTS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(in_header, in_mirror);
}

#[test]
fn every_function_says_which_thread_may_call_it() {
    let header = fs::read_to_string(header_folder().join("signoff_provider.h")).unwrap();
    let (_, table) = header.split_once("typedef struct signoff_api {").unwrap();
    let tags = ["[main-thread]", "[any-thread]", "[op-thread]"].map(|tag| table.matches(tag).count());
    let functions = table.matches("(*").count();
    assert_eq!(
        tags.iter().sum::<usize>(),
        functions + 1,
        "the table and the exported function"
    );
}

/// A program that compiles only if the header is as these say.
fn program(structures: &[signoff_core::abi::layout::StructureLayout], constants: &[(&str, u64)]) -> String {
    let mut program = String::from("#include \"signoff_provider.h\"\n#include <string.h>\n\n");
    let mut asserts = 0;
    let mut assert = |program: &mut String, condition: &str| {
        writeln!(program, "typedef char assert_{asserts}[({condition}) ? 1 : -1];").unwrap();
        asserts += 1;
    };
    for structure in structures {
        let name = structure.c_name;
        assert(&mut program, &format!("sizeof({name}) == {}", structure.size));
        for member in structure.members {
            let member_name = member.name;
            assert(
                &mut program,
                &format!("offsetof({name}, {member_name}) == {}", member.offset),
            );
            assert(
                &mut program,
                &format!("sizeof((({name} *)0)->{member_name}) == {}", member.size),
            );
        }
    }
    for (name, value) in constants {
        assert(&mut program, &format!("{name} == UINT64_C({value})"));
    }
    let entry_point = ENTRY_POINT.to_str().unwrap();
    writeln!(
        program,
        "\nint main(void) {{\n    const signoff_api *(*entry_point)(void) = {entry_point};"
    )
    .unwrap();
    writeln!(
        program,
        "    if (strcmp(SIGNOFF_ENTRY_POINT, \"{entry_point}\") != 0) return 1;"
    )
    .unwrap();
    for (number, structure) in structures.iter().enumerate() {
        let name = structure.c_name;
        // Assigning to a pointer to the mirrored type is an error unless the types are the same.
        writeln!(
            program,
            "    {name} v{number};\n    memset(&v{number}, 0, sizeof v{number});\n    {{"
        )
        .unwrap();
        for member in structure.members {
            let pointer = declaration(member.rust_type, &format!("*{}", member.name));
            writeln!(program, "        {pointer} = &v{number}.{};", member.name).unwrap();
            writeln!(program, "        (void)*{};", member.name).unwrap();
        }
        writeln!(program, "    }}").unwrap();
    }
    writeln!(program, "    return entry_point == NULL;\n}}").unwrap();
    program
}

/// A Rust type of the mirror as a C declaration of `name`.
fn declaration(rust_type: &str, name: &str) -> String {
    let rust_type = rust_type.split_whitespace().collect::<Vec<_>>().join(" ");
    let rust_type = rust_type.trim_end_matches(',').trim();
    if let Some(target) = rust_type.strip_prefix("*const ") {
        return declaration(target, &format!("const *{name}"));
    }
    if let Some(target) = rust_type.strip_prefix("*mut ") {
        return declaration(target, &format!("*{name}"));
    }
    if let Some(function) = rust_type.strip_prefix("Option<") {
        let function = function.trim_end_matches('>').trim().trim_end_matches(',').trim();
        let function = function.strip_prefix("unsafe extern \"C\" fn(").unwrap();
        let (parameters, result) = function.rsplit_once(')').unwrap();
        let parameters: Vec<_> = parameters
            .split(',')
            .map(str::trim)
            .filter(|parameter| !parameter.is_empty())
            .map(|parameter| declaration(parameter, "").trim_end().to_owned())
            .collect();
        let parameters = if parameters.is_empty() {
            "void".to_owned()
        } else {
            parameters.join(", ")
        };
        let result = result.trim().strip_prefix("-> ").unwrap_or("void");
        return declaration(result, &format!("(*{name})({parameters})"));
    }
    let c_type = match rust_type {
        "void" | "c_void" => "void",
        "c_char" => "char",
        "u8" => "uint8_t",
        "u32" => "uint32_t",
        "u64" => "uint64_t",
        "i64" => "int64_t",
        "f64" => "double",
        "usize" => "size_t",
        "Provider" => "signoff_provider",
        "Op" => "signoff_op",
        other => {
            let structure = STRUCTURES.iter().find(|structure| structure.rust_name == other);
            structure
                .unwrap_or_else(|| panic!("`{other}` has no counterpart in C"))
                .c_name
        }
    };
    format!("{c_type} {name}")
}

fn compile(variable: &str, default: &str, arguments: &[&str], program: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("layout.c");
    fs::write(&source, program).unwrap();
    let compiler = env::var(variable).unwrap_or_else(|_| default.to_owned());
    let output = Command::new(&compiler)
        .args(arguments)
        .args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", "-I"])
        .arg(header_folder())
        .arg(&source)
        .output()
        .unwrap_or_else(|error| panic!("this test needs a C compiler; `{compiler}` cannot be run: {error}"));
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn header_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include")
}

fn without_comments(source: &str) -> String {
    let mut parts = source.split("/*");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |code, part| {
        let (_, rest) = part.split_once("*/").expect("every comment ends");
        code + rest
    })
}

/// Structure and member names, as plain text tells them.
fn structures_of(header: &str) -> impl Iterator<Item = (String, String)> {
    let bodies = header.split("struct ").chain(header.split("union ").skip(1));
    bodies
        .filter_map(|piece| {
            let (name, rest) = piece.split_once(" {")?;
            let is_name = name.starts_with("signoff_") && !name.contains(char::is_whitespace);
            let (body, _) = rest.split_once("\n}")?;
            is_name.then(|| (name.to_owned(), body.to_owned()))
        })
        .flat_map(|(name, body)| {
            let members: Vec<_> = body
                .split(';')
                .filter(|member| !member.trim().is_empty())
                .map(|member| (name.clone(), member_name(member)))
                .collect();
            members
        })
        .collect::<Vec<_>>()
        .into_iter()
}

fn member_name(member: &str) -> String {
    let declarator = match member.split_once("(*") {
        Some((_, function)) => function.split(')').next().unwrap_or_default(),
        None => member.rsplit([' ', '*']).next().unwrap_or_default(),
    };
    declarator.trim().to_owned()
}
