//! A drawing as data: areas, lines, dots and words. Here it becomes SVG; [`raster`](super::raster)
//! makes pixels of it.

use std::fmt::{self, Display, Formatter};

use super::html::escape;

/// Red, green, blue.
pub type Colour = [u8; 3];

/// What words are drawn in where nothing else is said.
pub const INK: Colour = [0x33; 3];
pub const WHITE: Colour = [0xff; 3];

/// Marks on white, the later ones over the earlier. Places are in pixels from the upper left corner.
pub struct Drawing {
    pub width: u32,
    pub height: u32,
    pub marks: Vec<Mark>,
}

/// One thing that is drawn. Paths are SVG's path data.
pub enum Mark {
    Area {
        outline: String,
        colour: Colour,
        opacity: f32,
    },
    Line {
        path: String,
        colour: Colour,
        width: f32,
        /// Lengths of a dash and of the gap behind it.
        dashes: Option<[f32; 2]>,
    },
    Dot {
        centre: (f64, f64),
        radius: f64,
        colour: Colour,
    },
    Ring {
        centre: (f64, f64),
        radius: f64,
        colour: Colour,
        width: f32,
    },
    Words(Words),
}

/// A line of text.
pub struct Words {
    pub text: String,
    /// Where its baseline starts, has its middle or ends, as `anchor` says.
    pub at: (f64, f64),
    pub anchor: Anchor,
    /// Degrees that it is turned by around `at`, clockwise.
    pub turn: f64,
    pub size: f64,
    pub colour: Colour,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl Words {
    /// The size of words where nothing else is said.
    pub const SIZE: f64 = 13.0;

    pub fn new(text: impl Into<String>, at: (f64, f64)) -> Self {
        Self {
            text: text.into(),
            at,
            anchor: Anchor::Start,
            turn: 0.0,
            size: Self::SIZE,
            colour: INK,
        }
    }
}

/// The drawing as an SVG document.
impl Display for Drawing {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (width, height) = (self.width, self.height);
        writeln!(
            f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" font-family=\"Ubuntu, 'Segoe UI', system-ui, \
             sans-serif\" font-size=\"{}\" fill=\"{}\">\n<rect width=\"100%\" height=\"100%\" \
             fill=\"{}\"/>",
            Words::SIZE,
            hex(INK),
            hex(WHITE)
        )?;
        for mark in &self.marks {
            writeln!(f, "{mark}")?;
        }
        writeln!(f, "</svg>")
    }
}

impl Display for Mark {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Area {
                outline,
                colour,
                opacity,
            } => {
                write!(f, "<path d=\"{outline}\" fill=\"{}\"", hex(*colour))?;
                if *opacity < 1.0 {
                    write!(f, " fill-opacity=\"{opacity}\"")?;
                }
                write!(f, "/>")
            }
            Self::Line {
                path,
                colour,
                width,
                dashes,
            } => {
                write!(
                    f,
                    "<path d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{width}\" \
                     stroke-linejoin=\"round\"",
                    hex(*colour)
                )?;
                if let Some([dash, gap]) = dashes {
                    write!(f, " stroke-dasharray=\"{dash} {gap}\"")?;
                }
                write!(f, "/>")
            }
            Self::Dot {
                centre: (x, y),
                radius,
                colour,
            } => write!(
                f,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{}\"/>",
                hex(*colour)
            ),
            Self::Ring {
                centre: (x, y),
                radius,
                colour,
                width,
            } => write!(
                f,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"none\" stroke=\"{}\" \
                 stroke-width=\"{width}\"/>",
                hex(*colour)
            ),
            Self::Words(words) => words.fmt(f),
        }
    }
}

impl Display for Words {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (x, y) = self.at;
        write!(f, "<text x=\"{x:.1}\" y=\"{y:.1}\"")?;
        match self.anchor {
            Anchor::Start => {}
            Anchor::Middle => write!(f, " text-anchor=\"middle\"")?,
            Anchor::End => write!(f, " text-anchor=\"end\"")?,
        }
        if self.size.to_bits() != Self::SIZE.to_bits() {
            write!(f, " font-size=\"{}\"", self.size)?;
        }
        if self.colour != INK {
            write!(f, " fill=\"{}\"", hex(self.colour))?;
        }
        if self.turn != 0.0 {
            write!(f, " transform=\"rotate({} {x:.1} {y:.1})\"", self.turn)?;
        }
        write!(f, ">{}</text>", escape(&self.text))
    }
}

fn hex([red, green, blue]: Colour) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_escaped_and_say_only_what_is_unusual_about_them() {
        let mut words = Words::new("a < b", (3.0, 4.0));
        assert_eq!(
            words.to_string(),
            "<text x=\"3.0\" y=\"4.0\">a &lt; b</text>"
        );
        words.turn = -90.0;
        words.anchor = Anchor::End;
        let turned =
            "<text x=\"3.0\" y=\"4.0\" text-anchor=\"end\" transform=\"rotate(-90 3.0 4.0)\">";
        assert!(words.to_string().starts_with(turned), "{words}");
    }
}
