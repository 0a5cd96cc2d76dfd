//! Elements of HTML that are well-formed XML.

use std::fmt::{Display, Write};

/// A page that is being written. All text is escaped.
pub(super) struct Page {
    text: String,
}

/// A field of a table.
pub(super) struct Cell {
    pub(super) text: String,
    /// Whether it should worry.
    pub(super) bad: bool,
}

impl Cell {
    pub(super) fn new(text: impl Display) -> Self {
        Self { text: text.to_string(), bad: false }
    }

    pub(super) fn bad_if(text: impl Display, bad: bool) -> Self {
        Self { text: text.to_string(), bad }
    }
}

const STYLE: &str = include_str!("style.css");

impl Page {
    pub(super) fn new(title: &str) -> Self {
        let title = escaped(title);
        let mut text = String::from("<!DOCTYPE html>\n");
        // Writing to a string cannot fail, here and below.
        let _ = write!(
            text,
            "<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<meta charset=\"utf-8\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
             <meta name=\"color-scheme\" content=\"light dark\"/>\n<title>{title}</title>\n<style>\n{STYLE}</style>\n\
             </head>\n<body>\n<main>\n<h1>{title}</h1>\n"
        );
        Self { text }
    }

    pub(super) fn finish(mut self) -> String {
        self.text.push_str("</main>\n</body>\n</html>\n");
        self.text
    }

    /// A table of contents: identifiers and titles of sections.
    pub(super) fn contents(&mut self, sections: &[(&str, &str)]) {
        self.text.push_str("<nav>\n");
        for (id, title) in sections {
            let _ = writeln!(self.text, "<a href=\"#{id}\">{}</a>", escaped(title));
        }
        self.text.push_str("</nav>\n");
    }

    pub(super) fn heading(&mut self, id: &str, title: &str) {
        let _ = writeln!(self.text, "<h2 id=\"{id}\">{}</h2>", escaped(title));
    }

    pub(super) fn paragraph(&mut self, sentence: &str) {
        let _ = writeln!(self.text, "<p>{}</p>", escaped(sentence));
    }

    /// A list of sentences that say how things are.
    pub(super) fn verdicts(&mut self, bad: bool, sentences: &[String]) {
        let _ = writeln!(self.text, "<ul class=\"{}\">", if bad { "bad" } else { "good" });
        for sentence in sentences {
            let _ = writeln!(self.text, "<li>{}</li>", escaped(sentence));
        }
        self.text.push_str("</ul>\n");
    }

    /// A table; the first field of each row names it.
    pub(super) fn table(&mut self, head: &[&str], rows: &[Vec<Cell>]) {
        self.text.push_str("<div class=\"wide\"><table>\n");
        if !head.is_empty() {
            self.text.push_str("<thead><tr>");
            for field in head {
                let _ = write!(self.text, "<th scope=\"col\">{}</th>", escaped(field));
            }
            self.text.push_str("</tr></thead>\n");
        }
        self.text.push_str("<tbody>\n");
        for row in rows {
            self.text.push_str("<tr>");
            for (place, Cell { text, bad }) in row.iter().enumerate() {
                let (tag, scope) = if place == 0 { ("th", " scope=\"row\"") } else { ("td", "") };
                let class = if *bad { " class=\"bad\"" } else { "" };
                let _ = write!(self.text, "<{tag}{scope}{class}>{}</{tag}>", escaped(text));
            }
            self.text.push_str("</tr>\n");
        }
        self.text.push_str("</tbody></table></div>\n");
    }

    /// A picture, which is an element of SVG, with what it tells.
    pub(super) fn figure(&mut self, svg: &str, caption: &str) {
        let caption = escaped(caption);
        let _ = writeln!(self.text, "<figure>\n<figcaption>{caption}</figcaption>\n{svg}</figure>");
    }
}

/// A text in which nothing is markup, without characters that may not stand in XML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
