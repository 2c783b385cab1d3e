use mprov_sdk::SourceId;

use super::{expr, show};
use crate::config::Expr;
use crate::config::eval::constant;

/// As in Terraform 1.11, marker by marker and line by line.
#[test]
fn heredocs() {
    for (text, expected) in HEREDOCS {
        let value = constant(&expr(text)).unwrap_or_else(|e| panic!("{text}\n{e:?}"));
        assert_eq!(show(&value), *expected, "{text}");
    }
}

const HEREDOCS: &[(&str, &str)] = &[
    (
        "<<-EOT
    a
      b
    c
  EOT",
        r#""a\n  b\nc\n""#,
    ),
    (
        "<<EOT
    a
      b
  EOT",
        r#""    a\n      b\n""#,
    ),
    (
        "<<-EOT
    a ${1}
  bcd
      e
  EOT",
        r#""  a 1\nbcd\n    e\n""#,
    ),
    (
        "<<-EOT
    %{ for x in [1,2] ~}
    item ${x}
    %{ endfor ~}
    end
  EOT",
        r#""    item 1\n    item 2\n    end\n""#,
    ),
    (
        "<<-EOT
    %{ for x in [1,2] }
    item ${x}
    %{ endfor }
    end
  EOT",
        r#""\nitem 1\n\nitem 2\n\nend\n""#,
    ),
    (
        "<<-EOT
    %{~ if true ~}
      yes
    %{~ else ~}
      no
    %{~ endif ~}
    end
  EOT",
        r#""      yes\n    end\n""#,
    ),
    (
        "<<-EOT

    a

      b
   
    c
  EOT",
        r#""\na\n\n  b\n   \nc\n""#,
    ),
    (
        "<<-EOT
  ${1} x
    y
  EOT",
        r#""1 x\n  y\n""#,
    ),
    (
        "<<-EOT
${1} x
    y
  EOT",
        r#""1 x\n    y\n""#,
    ),
    (
        "<<-EOT
	tab
	  tab2
  EOT",
        r#""tab\n  tab2\n""#,
    ),
    (
        r#"<<EOT
x $${y} %%{z} "q" \n ${"a"}
EOT"#,
        r#""x ${y} %{z} \"q\" \\n a\n""#,
    ),
    (
        "<<EOT
${~ 1 ~}
  a
  ${ 2 ~}

  b
EOT",
        r#""1  a\n  2\n  b\n""#,
    ),
    (
        "<<-EOT
    a
    ${ 2 ~}

      b
    %{ if true ~}
      c
    %{ endif ~}
  d
  EOT",
        r#""a\n2\n  b\n      c\n  d\n""#,
    ),
    (r#""a\n  ${~ 1 ~}  \n  b""#, r#""a1b""#),
    (
        "<<-EOT
    server {
      listen ${80};
      %{ if true ~}
      ssl on;
      %{ else ~}
      ssl off;
      %{ endif ~}
      %{ for k, v in {a=1,b=2} ~}
      ${k} = ${v};
      %{ endfor ~}
    }
  EOT",
        r#""server {\n  listen 80;\n        ssl on;\n              a = 1;\n        b = 2;\n      }\n""#,
    ),
    (
        "[<<-A
    x
  A
, <<-B
    y
    B
]",
        r#"["x\n", "y\n"]"#,
    ),
    (
        "<<-EOT
    a: ${<<-IN
      nested
        deep
    IN
    }
    b
  EOT",
        r#""a: nested\n  deep\n\nb\n""#,
    ),
    (
        r#"<<-EOT
    a ${true ? "x" : "y"}
     b
	c
  EOT"#,
        r#""   a x\n    b\nc\n""#,
    ),
    (
        "<<-EOT
    $${a}
      %%{b}
    c $$ % %% $
  EOT",
        r#""${a}\n  %{b}\nc $$ % %% $\n""#,
    ),
    (
        "<<-EOT
    x
    %{ if false }hidden%{ endif }
    y
  EOT",
        r#""x\n\ny\n""#,
    ),
];

#[test]
fn without_the_text_the_parser_s_own_indentation_is_used() {
    let node =
        hcl_edit::parser::parse_expr("<<-EOT\n    a\n      b ${1 ~}\n    c\n  EOT").expect("an expression");
    let value = constant(&Expr::new(node, SourceId(0), 0)).expect("value");
    assert_eq!(show(&value), "\"a\\n  b 1c\\n\"");
}
