use serde_json::{Value as Json, json};

use crate::model::Route;

const PAGE: &str = "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Back in a few minutes</title>\
    </head><body><h1>Back in a few minutes</h1><p>The site is being maintained. What you have saved is safe; \
    please try again shortly.</p></body></html>\n";

/// The answer to everybody while the route is frozen.
pub fn page(route: &Route) -> Json {
    json!({
        "handler": "static_response",
        "status_code": 503,
        "headers": {
            "Retry-After": ["60"],
            "Cache-Control": ["no-store"],
            "Content-Type": ["text/html; charset=utf-8"]
        },
        "body": literal(route.freeze_page.as_deref().unwrap_or(PAGE)),
        // Idle connections are gone soon after the freeze, so that none is left that the load of a
        // configuration could close while its next request is on the way.
        "close": true
    })
}

/// Text in which no part is taken for a placeholder.
fn literal(text: &str) -> String {
    text.replace('{', "\\{")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_of_a_page_are_no_placeholders() {
        assert_eq!(literal("a{color:red}"), "a\\{color:red}");
    }
}
