//! Where one picture lies in another: an affine map between their unit squares.

/// From places in the inner picture to places in the outer, both 0 … 1 across and down: p ↦ M (p − ½) +
/// ½ + t.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placing {
    /// The matrix row by row.
    pub matrix: [f32; 4],
    pub shift: [f32; 2],
}

/// The eight ways to look at a square, as signed permutations of centred coordinates, row by row: as it
/// is, mirrored, and each turned by quarters.
pub const VIEWS: [[f32; 4]; 8] = [
    [1.0, 0.0, 0.0, 1.0],
    [-1.0, 0.0, 0.0, 1.0],
    [-1.0, 0.0, 0.0, -1.0],
    [1.0, 0.0, 0.0, -1.0],
    [0.0, 1.0, 1.0, 0.0],
    [0.0, 1.0, -1.0, 0.0],
    [0.0, -1.0, -1.0, 0.0],
    [0.0, -1.0, 1.0, 0.0],
];

/// What a placing is in words: the nearest of the eight views, and what is left.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Number of the view in [`VIEWS`].
    pub view: usize,
    /// Degrees, of the outer picture's pixels.
    pub turn: f32,
    /// Cosine between what were the two sides.
    pub shear: f32,
    /// The parts of the outer picture's sides that the inner one covers, across and down.
    pub sides: [f32; 2],
    /// How much longer one pixel's side became than the other, 1 where none did.
    pub stretch: f32,
}

impl Placing {
    /// The inner picture, looked at so, in this window of the outer.
    pub fn of_window(view: usize, (left, right): (f32, f32), (top, bottom): (f32, f32)) -> Self {
        let [a, b, c, d] = VIEWS[view];
        let (width, height) = (right - left, bottom - top);
        Self {
            matrix: [a * width, b * width, c * height, d * height],
            shift: [left.midpoint(right) - 0.5, top.midpoint(bottom) - 0.5],
        }
    }

    /// All of the inner picture, looked at so, on all of the outer.
    pub fn of_whole(view: usize) -> Self {
        Self::of_window(view, (0.0, 1.0), (0.0, 1.0))
    }

    /// From places in the outer picture to places in the inner; nothing where all lies on a line.
    #[expect(
        clippy::many_single_char_names,
        reason = "places and a matrix, as they are written elsewhere"
    )]
    pub fn inverse(&self) -> Option<Self> {
        let [a, b, c, d] = self.matrix;
        let determinant = a * d - b * c;
        if determinant.abs() < 1e-4 {
            return None;
        }
        let matrix = [d, -b, -c, a].map(|it| it / determinant);
        let [x, y] = self.shift;
        Some(Self {
            matrix,
            shift: [
                -(matrix[0] * x + matrix[1] * y),
                -(matrix[2] * x + matrix[3] * y),
            ],
        })
    }

    /// Where a place of the inner picture lies in the outer.
    #[expect(
        clippy::many_single_char_names,
        reason = "places and a matrix, as they are written elsewhere"
    )]
    pub fn apply(&self, x: f32, y: f32) -> (f32, f32) {
        let [a, b, c, d] = self.matrix;
        let (x, y) = (x - 0.5, y - 0.5);
        (
            a * x + b * y + 0.5 + self.shift[0],
            c * x + d * y + 0.5 + self.shift[1],
        )
    }

    /// Whether the one picture is all of the other.
    pub fn is_whole(&self) -> bool {
        (0..VIEWS.len()).any(|view| *self == Self::of_whole(view))
    }

    /// Whether no place lies far from where the other one lays it.
    pub fn is_near(&self, other: &Self) -> bool {
        const NEAR: f32 = 0.04;
        let own = self.matrix.iter().chain(&self.shift);
        let both = own.zip(other.matrix.iter().chain(&other.shift));
        both.fold(0.0, |most, (a, b)| f32::max(most, (a - b).abs())) < NEAR
    }

    /// The share of the outer picture's area that the inner one has.
    pub fn area(&self) -> f32 {
        let [a, b, c, d] = self.matrix;
        (a * d - b * c).abs()
    }

    /// Sizes in pixels: of the inner picture and of the outer.
    pub fn shape(&self, inner: (f32, f32), outer: (f32, f32)) -> Shape {
        let [a, b, c, d] = self.matrix;
        // In pixels of the outer picture for each of the inner.
        let across = [a * outer.0 / inner.0, c * outer.1 / inner.0];
        let down = [b * outer.0 / inner.1, d * outer.1 / inner.1];
        let length = |it: [f32; 2]| it[0].hypot(it[1]).max(1e-6);
        let (wide, high) = (length(across), length(down));
        let likeness = |view: &[f32; 4]| {
            view[0] * across[0] / wide
                + view[2] * across[1] / wide
                + view[1] * down[0] / high
                + view[3] * down[1] / high
        };
        let view = (0..8)
            .max_by(|a, b| likeness(&VIEWS[*a]).total_cmp(&likeness(&VIEWS[*b])))
            .unwrap_or(0);
        let seen = VIEWS[view];
        // What was the first axis is now along the view's first column.
        let cross = seen[0] * across[1] - seen[2] * across[0];
        let is_upright = seen[0] != 0.0;
        let covers = if is_upright {
            [wide * inner.0 / outer.0, high * inner.1 / outer.1]
        } else {
            [high * inner.1 / outer.0, wide * inner.0 / outer.1]
        };
        Shape {
            view,
            turn: (cross / wide).clamp(-1.0, 1.0).asin().to_degrees(),
            shear: (across[0] * down[0] + across[1] * down[1]) / wide / high,
            sides: covers,
            stretch: (wide / high).max(high / wide),
        }
    }
}
