//! Painted scenes: several kinds, several views of each, so that ground truth exists.
//!
//! A view changes the light, the colours a little, where things stand and how large they are; the
//! scene stays what it is. The same scene, view and size give the same picture everywhere.

use image::RgbImage;

/// A kind of scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    Mountains,
    City,
    Beach,
    Balloons,
    Flowers,
    Bricks,
    Boats,
    Planets,
    Forest,
    Dunes,
}

impl Scene {
    pub const ALL: [(Self, &'static str); 10] = [
        (Self::Mountains, "mountains"),
        (Self::City, "city"),
        (Self::Beach, "beach"),
        (Self::Balloons, "balloons"),
        (Self::Flowers, "flowers"),
        (Self::Bricks, "bricks"),
        (Self::Boats, "boats"),
        (Self::Planets, "planets"),
        (Self::Forest, "forest"),
        (Self::Dunes, "dunes"),
    ];
}

type Colour = [f32; 3];

/// Paints in coordinates 0 … 1 across and down.
struct Canvas {
    image: RgbImage,
    state: u64,
}

impl Canvas {
    /// The next of a fixed sequence of numbers in `low` … `high`.
    fn pick(&mut self, low: f32, high: f32) -> f32 {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        low + (high - low) * ((self.state >> 40) as f32 / (1u64 << 24) as f32)
    }

    /// A colour near this one.
    fn near(&mut self, colour: Colour, by: f32) -> Colour {
        colour.map(|channel| (channel + self.pick(-by, by)).clamp(0.0, 1.0))
    }

    /// Lays colour over every pixel as far as `cover` (0 … 1 of x, y) says.
    fn lay(&mut self, paint: impl Fn(f32, f32) -> (Colour, f32)) {
        let (width, height) = (self.image.width() as f32, self.image.height() as f32);
        for (x, y, pixel) in self.image.enumerate_pixels_mut() {
            let (colour, cover) = paint((x as f32 + 0.5) / width, (y as f32 + 0.5) / height);
            let cover = cover.clamp(0.0, 1.0);
            for channel in 0..3 {
                let below = f32::from(pixel[channel]) / 255.0;
                pixel[channel] =
                    ((below + (colour[channel] - below) * cover) * 255.0).round() as u8;
            }
        }
    }

    fn sky(&mut self, top: Colour, bottom: Colour) {
        self.lay(|_, y| (mix(top, bottom, y), 1.0));
    }

    /// Filled below a wavy line, darker towards the bottom.
    fn hills(&mut self, level: f32, rough: f32, colour: Colour) {
        let waves: Vec<[f32; 3]> = (1..6)
            .map(|n| {
                [
                    self.pick(2.0, 4.0) * n as f32,
                    self.pick(0.0, 6.3),
                    rough / n as f32,
                ]
            })
            .collect();
        self.lay(|x, y| {
            let line: f32 = waves.iter().map(|[f, p, a]| triangle(x * f + p) * a).sum();
            (
                mix(colour, [0.0; 3], (y - level) * 0.6),
                (y - level - line) * 120.0,
            )
        });
    }

    fn ellipse(&mut self, [x, y]: [f32; 2], [rx, ry]: [f32; 2], colour: Colour) {
        let shade = mix(colour, [0.05; 3], 0.45);
        self.lay(|px, py| {
            let (dx, dy) = ((px - x) / rx, (py - y) / ry);
            let light = (0.5 + 0.5 * (dx + dy)).clamp(0.0, 1.0);
            (
                mix(colour, shade, light),
                (1.0 - (dx * dx + dy * dy).sqrt()) * 60.0 * rx.min(ry) + 0.5,
            )
        });
    }

    fn rectangle(&mut self, [x0, y0]: [f32; 2], [x1, y1]: [f32; 2], colour: Colour) {
        self.lay(|x, y| {
            (
                colour,
                if x >= x0 && x < x1 && y >= y0 && y < y1 {
                    1.0
                } else {
                    0.0
                },
            )
        });
    }

    fn triangle(&mut self, corners: [[f32; 2]; 3], colour: Colour) {
        let [a, b, c] = corners;
        let side = |p: [f32; 2], q: [f32; 2], x: f32, y: f32| {
            (q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0])
        };
        let turn = side(a, b, c[0], c[1]).signum();
        self.lay(|x, y| {
            let inside = (side(a, b, x, y) * turn)
                .min(side(b, c, x, y) * turn)
                .min(side(c, a, x, y) * turn);
            (
                mix(colour, [0.0; 3], (y - a[1]) * 0.3),
                inside * 400.0 + 0.5,
            )
        });
    }
}

fn mix(a: Colour, b: Colour, share: f32) -> Colour {
    let share = share.clamp(0.0, 1.0);
    std::array::from_fn(|channel| a[channel] + (b[channel] - a[channel]) * share)
}

/// A wave of straight lines, −1 … 1; unlike a sine the same on every machine.
fn triangle(x: f32) -> f32 {
    4.0 * (x / std::f32::consts::TAU - (x / std::f32::consts::TAU + 0.5).floor()).abs() - 1.0
}

/// Paints a view of a scene.
pub fn paint(scene: Scene, view: u64, width: u32, height: u32) -> RgbImage {
    let state = (scene as u64 + 1) * 7_919 + view * 104_729;
    let mut canvas = Canvas {
        image: RgbImage::new(width, height),
        state,
    };
    canvas.pick(0.0, 1.0);
    let c = &mut canvas;
    match scene {
        Scene::Mountains => mountains(c),
        Scene::City => city(c),
        Scene::Beach => beach(c),
        Scene::Balloons => balloons(c),
        Scene::Flowers => flowers(c),
        Scene::Bricks => bricks(c),
        Scene::Boats => boats(c),
        Scene::Planets => planets(c),
        Scene::Forest => forest(c),
        Scene::Dunes => dunes(c),
    }
    canvas.image
}

fn mountains(c: &mut Canvas) {
    let top = c.near([0.35, 0.25, 0.5], 0.08);
    c.sky(top, [1.0, 0.65, 0.4]);
    let sun = [c.pick(0.2, 0.8), c.pick(0.3, 0.45)];
    c.ellipse(sun, [0.06, 0.08], [1.0, 0.95, 0.7]);
    for (level, colour) in [
        (0.5, [0.45, 0.4, 0.6]),
        (0.62, [0.3, 0.3, 0.48]),
        (0.76, [0.14, 0.17, 0.28]),
    ] {
        let colour = c.near(colour, 0.04);
        c.hills(level, 0.09, colour);
    }
}

fn city(c: &mut Canvas) {
    c.sky([0.02, 0.03, 0.12], [0.2, 0.15, 0.35]);
    let moon = [c.pick(0.1, 0.9), c.pick(0.08, 0.2)];
    c.ellipse(moon, [0.04, 0.055], [0.95, 0.95, 0.85]);
    let mut left = -0.05;
    while left < 1.0 {
        let (width, top) = (c.pick(0.09, 0.17), c.pick(0.25, 0.65));
        let wall = c.near([0.1, 0.11, 0.18], 0.04);
        c.rectangle([left, top], [left + width, 1.0], wall);
        let mut y = top + 0.03;
        while y < 0.97 {
            let mut x = left + 0.012;
            while x < left + width - 0.02 {
                if c.pick(0.0, 1.0) < 0.6 {
                    let lamp = c.near([0.98, 0.85, 0.45], 0.1);
                    c.rectangle([x, y], [x + 0.014, y + 0.025], lamp);
                }
                x += 0.026;
            }
            y += 0.05;
        }
        left += width + 0.005;
    }
}

fn beach(c: &mut Canvas) {
    let top = c.near([0.25, 0.6, 0.95], 0.06);
    c.sky(top, [0.8, 0.93, 1.0]);
    let horizon = c.pick(0.35, 0.45);
    c.rectangle([0.0, horizon], [1.0, 1.0], [0.1, 0.5, 0.7]);
    let sand = c.near([0.93, 0.83, 0.6], 0.04);
    c.hills(horizon + 0.25, 0.03, sand);
    let [x, y] = [c.pick(0.25, 0.75), c.pick(0.5, 0.62)];
    c.rectangle([x - 0.006, y], [x + 0.006, y + 0.3], [0.5, 0.4, 0.3]);
    for (strip, colour) in [[0.9, 0.2, 0.2], [1.0, 1.0, 1.0], [0.9, 0.2, 0.2], [1.0; 3]]
        .into_iter()
        .enumerate()
    {
        let (from, to) = (strip as f32 / 2.0 - 1.0, strip as f32 / 2.0 - 0.5);
        c.triangle(
            [
                [x, y - 0.12],
                [x + 0.18 * from, y + 0.04],
                [x + 0.18 * to, y + 0.04],
            ],
            colour,
        );
    }
}

fn balloons(c: &mut Canvas) {
    c.sky([0.4, 0.7, 0.98], [0.88, 0.95, 1.0]);
    c.hills(0.85, 0.03, [0.35, 0.6, 0.3]);
    for number in 0..5 {
        let r = c.pick(0.07, 0.13);
        let [x, y] = [
            0.12 + 0.19 * number as f32 + c.pick(-0.04, 0.04),
            c.pick(0.2, 0.55),
        ];
        let colour = [
            [0.9, 0.25, 0.2],
            [0.95, 0.75, 0.15],
            [0.25, 0.4, 0.85],
            [0.6, 0.25, 0.7],
            [0.2, 0.65, 0.4],
        ][number];
        c.triangle(
            [
                [x, y + r * 1.9],
                [x - r * 0.7, y + r * 0.7],
                [x + r * 0.7, y + r * 0.7],
            ],
            mix(colour, [0.0; 3], 0.2),
        );
        c.ellipse([x, y], [r, r * 1.3], colour);
        c.ellipse([x, y], [r * 0.35, r * 1.3], mix(colour, [1.0; 3], 0.6));
        c.rectangle(
            [x - r * 0.2, y + r * 1.9],
            [x + r * 0.2, y + r * 2.2],
            [0.45, 0.3, 0.15],
        );
    }
}

fn flowers(c: &mut Canvas) {
    c.sky([0.3, 0.55, 0.25], [0.15, 0.4, 0.12]);
    let hue = c.near([0.95, 0.4, 0.6], 0.05);
    for _ in 0..22 {
        let ([x, y], r) = ([c.pick(0.0, 1.0), c.pick(0.05, 1.0)], c.pick(0.025, 0.05));
        c.rectangle([x - 0.004, y], [x + 0.004, 1.0], [0.2, 0.5, 0.15]);
        for [dx, dy] in [
            [0.0, -1.0],
            [0.95, -0.3],
            [0.6, 0.8],
            [-0.6, 0.8],
            [-0.95, -0.3],
        ] {
            c.ellipse([x + dx * r, y + dy * r * 1.3], [r * 0.75, r], hue);
        }
        c.ellipse([x, y], [r * 0.6, r * 0.8], [1.0, 0.85, 0.2]);
    }
}

fn bricks(c: &mut Canvas) {
    let mortar = c.near([0.75, 0.72, 0.68], 0.04);
    c.sky(mortar, mix(mortar, [0.0; 3], 0.15));
    let (rows, length) = (c.pick(9.0, 13.0).floor(), c.pick(0.15, 0.2));
    for row in 0..rows as u32 {
        let (top, tall) = (row as f32 / rows, 0.86 / rows);
        let mut x = -length * c.pick(0.1, 0.9);
        while x < 1.0 {
            let brick = c.near([0.62, 0.25, 0.18], 0.07);
            c.rectangle([x, top], [x + length * 0.93, top + tall], brick);
            c.rectangle(
                [x, top + tall * 0.85],
                [x + length * 0.93, top + tall],
                mix(brick, [0.0; 3], 0.3),
            );
            x += length;
        }
    }
}

fn boats(c: &mut Canvas) {
    c.sky([0.55, 0.75, 0.95], [0.95, 0.9, 0.8]);
    let horizon = c.pick(0.42, 0.5);
    c.lay(|_, y| {
        (
            mix([0.15, 0.45, 0.65], [0.03, 0.2, 0.4], (y - horizon) * 2.0),
            (y - horizon) * 300.0,
        )
    });
    for number in 0..3 {
        let size = c.pick(0.12, 0.2);
        let [x, y] = [
            0.2 + 0.3 * number as f32 + c.pick(-0.05, 0.05),
            horizon + c.pick(0.1, 0.3),
        ];
        let sail = c.near([0.97, 0.96, 0.92], 0.03);
        c.triangle(
            [
                [x, y - size * 2.0],
                [x, y - 0.02],
                [x + size * 0.9, y - 0.02],
            ],
            sail,
        );
        c.triangle(
            [
                [x - 0.01, y - size * 1.7],
                [x - 0.01, y - 0.02],
                [x - size * 0.6, y - 0.02],
            ],
            mix(sail, [0.9, 0.3, 0.2], 0.7),
        );
        c.rectangle([x - 0.01, y - size * 2.0], [x, y], [0.35, 0.25, 0.15]);
        c.triangle(
            [
                [x, y + size * 0.5],
                [x - size * 0.9, y],
                [x + size * 0.9, y],
            ],
            [0.45, 0.2, 0.12],
        );
    }
}

fn planets(c: &mut Canvas) {
    c.sky([0.01, 0.01, 0.04], [0.05, 0.02, 0.1]);
    for _ in 0..60 {
        let ([x, y], r) = ([c.pick(0.0, 1.0), c.pick(0.0, 1.0)], c.pick(0.001, 0.004));
        c.ellipse([x, y], [r, r * 1.33], [1.0; 3]);
    }
    for colour in [[0.85, 0.55, 0.3], [0.35, 0.5, 0.9], [0.75, 0.75, 0.7]] {
        let ([x, y], r) = ([c.pick(0.1, 0.9), c.pick(0.15, 0.85)], c.pick(0.06, 0.16));
        c.ellipse([x, y], [r * 1.8, r * 0.35], [0.7, 0.65, 0.5]);
        c.ellipse([x, y], [r, r * 1.33], colour);
    }
}

fn forest(c: &mut Canvas) {
    c.sky([0.75, 0.85, 0.85], [0.5, 0.65, 0.5]);
    for layer in 0..3 {
        let colour = [[0.45, 0.6, 0.5], [0.2, 0.42, 0.28], [0.06, 0.22, 0.12]][layer];
        for number in 0..7 {
            let x = (number as f32 + c.pick(0.0, 1.0)) / 7.0;
            let (foot, tall) = (0.62 + 0.17 * layer as f32, c.pick(0.35, 0.5));
            let green = c.near(colour, 0.03);
            c.rectangle(
                [x - 0.008, foot - 0.05],
                [x + 0.008, foot + 0.04],
                [0.25, 0.17, 0.1],
            );
            for step in 0..3 {
                let top = foot - tall + tall * 0.25 * step as f32;
                let half = 0.035 + 0.02 * step as f32;
                c.triangle(
                    [
                        [x, top],
                        [x - half, top + tall * 0.45],
                        [x + half, top + tall * 0.45],
                    ],
                    green,
                );
            }
        }
        c.hills(
            0.66 + 0.17 * layer as f32,
            0.015,
            mix(colour, [0.2, 0.3, 0.1], 0.3),
        );
    }
}

fn dunes(c: &mut Canvas) {
    let top = c.near([0.2, 0.45, 0.85], 0.05);
    c.sky(top, [0.95, 0.85, 0.7]);
    for (number, level) in [0.5, 0.62, 0.75, 0.88].into_iter().enumerate() {
        let sand = c.near(
            [
                0.95 - 0.08 * number as f32,
                0.68 - 0.09 * number as f32,
                0.35 - 0.06 * number as f32,
            ],
            0.03,
        );
        c.hills(level, 0.06, sand);
    }
}
