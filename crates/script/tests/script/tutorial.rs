//! Scripts that declare a tutorial instead of a workflow.

use expect_test::{Expect, expect};
use signoff_engine::json;
use signoff_script::{Declared, Workflow};

use crate::support::limits;

fn check(script: &str, expected: &Expect) {
    let shown = match Declared::from_text("t.luau", script, limits()) {
        Ok(declared) => json::value(&declared.parts).to_string(),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn what_is_declared_is_data() {
    check(
        "local signoff = require('@signoff')\nlocal function step(title) return { title = title, expect = { status = 200 } } end\n\
         return signoff.tutorial({ steps = { step('a'), step('b') } })",
        &expect![[
            r#"{"steps":[{"expect":{"status":200},"title":"a"},{"expect":{"status":200},"title":"b"}]}"#
        ]],
    );
    check(
        "return require('@signoff').tutorial({ steps = { { title = print } } })",
        &expect!["error: what a tutorial declares is data: a function is no value for this"],
    );
    check(
        "return require('@signoff').tutorial(7)",
        &expect![[r#"
        error: what `signoff.tutorial` takes is a table, not number
         --> t.luau:1
          |
        1 | return require('@signoff').tutorial(7)
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: write signoff.tutorial({ title = "…", steps = { … } })"#]],
    );
    check(
        "return { steps = {} }",
        &expect![[r#"
        error: the script returns a table, not a tutorial
         --> t.luau:1
          |
        1 | return { steps = {} }
          | ^^^^^^^^^^^^^^^^^^^^^
          = help: end it with `return signoff.tutorial({ … })`"#]],
    );
}

#[test]
fn a_workflow_is_no_tutorial_and_the_other_way_round() {
    check(
        "return require('@signoff').workflow({ run = function() end })",
        &expect![[r#"
            error: the script returns a workflow, not a tutorial
             --> t.luau:1
              |
            1 | return require('@signoff').workflow({ run = function() end })
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = help: a workflow is run: `signoff run SCRIPT`"#]],
    );
    let tutorial = "return require('@signoff').tutorial({ steps = {} })";
    let error = Workflow::from_text("t.luau", tutorial, limits())
        .unwrap_err()
        .to_string();
    expect![[r#"
        error: the script returns a tutorial, not a workflow
         --> t.luau:1
          |
        1 | return require('@signoff').tutorial({ steps = {} })
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: a tutorial is replayed: `signoff replay SCRIPT`"#]]
    .assert_eq(&error);
}
