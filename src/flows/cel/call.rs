//! Checks calls of functions.

use regex::RegexBuilder;

use super::{
    check::{Checked, Checker, refuse},
    invalid::{Problem, nearest},
    kind::Kind,
    literal::Literal,
    loops,
    node::{Conversion, Node, TextTest, TimePart},
    syntax::{Expr, What},
};

/// Largest compiled pattern.
const MAX_PATTERN: usize = 1 << 18;
/// Most patterns of an expression.
const MAX_PATTERNS: usize = 16;

/// Types as functions.
const CONVERSIONS: [(&str, Conversion); 8] = [
    ("bool", Conversion::Bool),
    ("int", Conversion::Int),
    ("uint", Conversion::Uint),
    ("double", Conversion::Double),
    ("string", Conversion::Text),
    ("timestamp", Conversion::Time),
    ("duration", Conversion::Span),
    ("dyn", Conversion::Dyn),
];

/// Methods of text.
const TESTS: [(&str, TextTest); 3] = [
    ("contains", TextTest::Contains),
    ("startsWith", TextTest::StartsWith),
    ("endsWith", TextTest::EndsWith),
];

/// Methods of moments; of those that count from 0, too, as in CEL.
const PARTS: [(&str, TimePart); 10] = [
    ("getFullYear", TimePart::Year),
    ("getMonth", TimePart::Month),
    ("getDayOfMonth", TimePart::Day),
    ("getDate", TimePart::Date),
    ("getDayOfWeek", TimePart::WeekDay),
    ("getDayOfYear", TimePart::YearDay),
    ("getHours", TimePart::Hours),
    ("getMinutes", TimePart::Minutes),
    ("getSeconds", TimePart::Seconds),
    ("getMilliseconds", TimePart::Milliseconds),
];

/// Parts of CEL that filters do without.
const UNSUPPORTED: [&str; 3] = ["type", "bytes", "optional"];

fn named<T: Copy>(table: &[(&'static str, T)], name: &str) -> Option<(&'static str, T)> {
    table.iter().find(|(known, _)| *known == name).copied()
}

impl Checker {
    pub(super) fn call(
        &mut self,
        expr: &Expr,
        of: Option<&Expr>,
        name: &str,
        args: &[Expr],
    ) -> Checked {
        match (name, of, args) {
            ("has", None, [arg]) => self.has(arg),
            ("has", ..) => Err(Problem::Has.at(expr.at)),
            ("size", Some(of), []) | ("size", None, [of]) => self.size(of),
            ("matches", Some(of), [pattern]) | ("matches", None, [of, pattern]) => {
                self.matches(of, pattern)
            }
            (_, Some(of), _) => {
                match (loops::named(name), named(&TESTS, name), named(&PARTS, name)) {
                    (Some(kind), ..) => self.go_through(expr, of, kind, args),
                    (_, Some((name, test)), _) => self.test(expr, of, (name, test), args),
                    (.., Some((name, part))) if args.is_empty() => {
                        Ok((Node::Part(part, self.need(of, name, &Kind::Time)?.into()), Kind::Int))
                    }
                    (.., Some(_)) => Err(Problem::Unsupported("time zones").at(expr.at)),
                    _ => Err(unknown(expr, name)),
                }
            }
            (_, None, [arg]) => match named(&CONVERSIONS, name) {
                Some((name, to)) => self.convert(arg, name, to),
                None => Err(unknown(expr, name)),
            },
            (_, None, _) => match named(&CONVERSIONS, name) {
                Some((name, _)) => Err(self.overload(expr, name, args)),
                None => Err(unknown(expr, name)),
            },
        }
    }

    fn overload(
        &mut self,
        expr: &Expr,
        name: &'static str,
        args: &[Expr],
    ) -> super::InvalidExpression {
        let kinds = args.iter().map(|arg| Ok(self.check(arg)?.1)).collect::<Checked<Vec<_>>>();
        kinds.map_or_else(|error| error, |kinds| refuse(expr.at, name, kinds))
    }

    fn has(&mut self, arg: &Expr) -> Checked {
        let What::Select(of, name) = &arg.what else { return Err(Problem::Has.at(arg.at)) };
        let (of, field, _) = self.field(arg, of, name)?;
        Ok((Node::Has(of.into(), field), Kind::Bool))
    }

    fn size(&mut self, of: &Expr) -> Checked {
        let (node, kind) = self.check(of)?;
        if !matches!(kind, Kind::Text | Kind::List(_) | Kind::Dyn) {
            return Err(refuse(of.at, "size()", [kind]));
        }
        Ok((Node::Size(node.into()), Kind::Int))
    }

    /// Patterns are compiled once, so they cannot be made of a flow; those of Rust's regex take linear time.
    fn matches(&mut self, of: &Expr, pattern: &Expr) -> Checked {
        let of = self.need(of, "matches()", &Kind::Text)?;
        let What::Literal(Literal::Text(text)) = &pattern.what else {
            return Err(Problem::Unsupported("patterns that are not written out").at(pattern.at));
        };
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            return Err(Problem::TooManyPatterns { limit: MAX_PATTERNS }.at(pattern.at));
        }
        let compiled =
            RegexBuilder::new(text).size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN).build();
        let regex = compiled.map_err(|_| Problem::Pattern(text.clone()).at(pattern.at))?;
        Ok((Node::Matches(of.into(), regex), Kind::Bool))
    }

    fn test(
        &mut self,
        expr: &Expr,
        of: &Expr,
        (name, test): (&'static str, TextTest),
        args: &[Expr],
    ) -> Checked {
        let of = self.need(of, name, &Kind::Text)?;
        let [arg] = args else { return Err(self.overload(expr, name, args)) };
        let arg = self.need(arg, name, &Kind::Text)?;
        Ok((Node::Text(test, Box::new([of, arg])), Kind::Bool))
    }

    fn convert(&mut self, arg: &Expr, name: &'static str, to: Conversion) -> Checked {
        let (node, kind) = self.check(arg)?;
        let is_number = kind.is_number();
        let is_text = kind == Kind::Text;
        let (takes, made) = match to {
            Conversion::Dyn => (true, Kind::Dyn),
            Conversion::Bool => (is_text || kind.is(&Kind::Bool), Kind::Bool),
            Conversion::Int => (is_number || is_text || kind == Kind::Time, Kind::Int),
            Conversion::Uint => (is_number || is_text, Kind::Uint),
            Conversion::Double => (is_number || is_text, Kind::Double),
            Conversion::Text => {
                let is_plain = matches!(kind, Kind::Bool | Kind::Time | Kind::Span);
                (is_number || is_text || is_plain, Kind::Text)
            }
            Conversion::Time => (is_text || matches!(kind, Kind::Int | Kind::Time), Kind::Time),
            Conversion::Span => (is_text || kind == Kind::Span, Kind::Span),
        };
        if !takes && kind != Kind::Dyn {
            return Err(refuse(arg.at, name, [kind]));
        }
        Ok((Node::Convert(to, node.into()), made))
    }
}

fn unknown(expr: &Expr, name: &str) -> super::InvalidExpression {
    if let Some(known) = UNSUPPORTED.iter().find(|known| **known == name) {
        return Problem::Unsupported(known).at(expr.at);
    }
    let names = CONVERSIONS
        .iter()
        .map(|(name, _)| *name)
        .chain(TESTS.iter().map(|(name, _)| *name))
        .chain(PARTS.iter().map(|(name, _)| *name))
        .chain(loops::NAMES.iter().map(|(name, _)| *name))
        .chain(["has", "size", "matches"]);
    let nearest = nearest(name, names);
    Problem::Function { name: name.to_owned(), nearest }.at(expr.at)
}
