use super::Products;

fn bytes(count: usize, seed: u64) -> Vec<i8> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..count).map(|_| random.i8(-127..)).collect()
}

fn floats(count: usize, seed: u64) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..count).map(|_| random.f32() - 0.5).collect()
}

const LENGTHS: [usize; 12] = [0, 1, 3, 15, 16, 17, 63, 64, 65, 255, 256, 1283];

#[test]
fn products_of_bytes_are_the_same_integer_in_every_instruction_set() {
    for (name, products) in Products::available() {
        for length in LENGTHS {
            let extremes = [-127, 127].map(|value| vec![value; length]);
            let [low, high] = &extremes;
            let (a, b) = (bytes(length, 1), bytes(length, 2));
            for (a, b) in [(&a, &b), (low, low), (low, high), (high, high), (high, low)] {
                let expected: i64 = a
                    .iter()
                    .zip(b)
                    .map(|(a, b)| i64::from(*a) * i64::from(*b))
                    .sum();
                assert_eq!(
                    i64::from(products.bytes(a, b)),
                    expected,
                    "{name}, {length}"
                );
            }
        }
    }
}

#[test]
fn products_of_chosen_rows_are_those_of_the_rows_one_by_one() {
    let (query, codes) = (bytes(256, 3), bytes(256 * 40, 4));
    let rows = [39, 0, 7, 7, 21, 3, 9, 39, 1, 5, 6];
    for (name, products) in Products::available() {
        for count in 0..rows.len() {
            let mut dots = vec![0; count];
            products.bytes_at(&query, &codes, &rows[..count], &mut dots);
            let alone = |row: &u32| products.bytes(&query, &codes[*row as usize * 256..][..256]);
            assert_eq!(
                dots,
                rows[..count].iter().map(alone).collect::<Vec<_>>(),
                "{name}"
            );
        }
        let mut dots = [0; 11];
        products.bytes_at(&query[..100], &codes, &rows, &mut dots);
        for (row, dot) in rows.iter().zip(dots) {
            let from = *row as usize * 100;
            let expected = products.bytes(&query[..100], &codes[from..from + 100]);
            assert_eq!(dot, expected, "{name}");
        }
    }
}

#[test]
fn products_of_floats_and_of_shorts_are_near_those_in_f64() {
    for (name, products) in Products::available() {
        for length in LENGTHS {
            let (a, b) = (floats(length, 5), floats(length, 6));
            let shorts: Vec<i16> = a.iter().map(|a| (a * 60_000.0) as i16).collect();
            let exact = |a: &mut dyn Iterator<Item = f64>| -> f64 {
                a.zip(&b).map(|(a, b)| a * f64::from(*b)).sum()
            };
            let of_floats = exact(&mut a.iter().map(|a| f64::from(*a)));
            let of_shorts = exact(&mut shorts.iter().map(|a| f64::from(*a)));
            let near = |found: f32, exact: f64, size: f64| {
                assert!(
                    (f64::from(found) - exact).abs() <= 1e-4 * size,
                    "{name}, {length}"
                );
            };
            near(products.floats(&a, &b), of_floats, 1.0);
            near(products.shorts(&shorts, &b), of_shorts, 30_000.0);
        }
    }
}

#[test]
fn many_by_many_gives_each_row_with_each_other() {
    for (name, products) in Products::available() {
        for (rows, others, dimension) in
            [(1, 1, 1), (9, 7, 37), (6, 5, 1030), (4, 8, 512), (3, 0, 4)]
        {
            let (a, b) = (floats(rows * dimension, 7), floats(others * dimension, 8));
            let shorts: Vec<i16> = a.iter().map(|a| (a * 60_000.0) as i16).collect();
            let mut of_floats = vec![1.0; rows * others];
            let mut of_shorts = vec![0.0; rows * others];
            products.many_floats(&a, &b, dimension, &mut of_floats);
            products.many_shorts(&shorts, &b, dimension, &mut of_shorts);
            for (row, other) in (0..rows * others).map(|i| (i / others, i % others)) {
                let of_row = row * dimension..(row + 1) * dimension;
                let other_row = &b[other * dimension..(other + 1) * dimension];
                let alone = products.floats(&a[of_row.clone()], other_row);
                let alone_shorts = products.shorts(&shorts[of_row], other_row);
                let at = row * others + other;
                assert!(
                    (of_floats[at] - 1.0 - alone).abs() < 1e-4,
                    "{name} {row} {other}"
                );
                assert!(
                    (of_shorts[at] - alone_shorts).abs() < 3.0,
                    "{name} {row} {other}"
                );
            }
        }
    }
}
