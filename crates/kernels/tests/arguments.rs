//! Arguments that nobody means: empty, too large to count, or far apart. Each gives a result that the documentation names, or a typed
//! error; none touches memory that is not its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

#[macro_use]
#[path = "checks/mod.rs"]
mod checks;

use std::time::Duration;

use mlprobe_kernels::{
    Bf16, Conv, Depthwise, Error, Finish, Isa, Map, MaxPool, Precision, fetching, fma_peak, gemm, huge_pages,
};
use ndarray::{Array2, Array4, ArrayView2, arr0, arr2, s};

checks![
    a_map_with_more_numbers_than_memory_is_refused_and_stays_as_it_was,
    a_map_without_numbers_has_as_many_empty_images_as_it_says,
    a_map_that_was_larger_shows_nothing_of_it,
    a_convolution_without_a_kernel_or_channels_is_refused,
    a_convolution_with_more_weights_than_memory_is_refused,
    convolutions_with_any_stride_and_padding_give_sums_or_errors,
    channels_beyond_the_output_are_refused,
    a_convolution_of_no_images_writes_nothing_and_one_of_no_pixels_is_refused,
    padding_far_beyond_the_map_gives_the_bias,
    depthwise_convolutions_with_any_stride_give_sums_or_errors,
    pooling_with_any_padding_gives_values_or_errors,
    products_with_more_terms_than_memory_holds_are_refused,
    products_of_mirrored_and_repeated_views_are_those_of_their_copies,
    empty_products_are_zero_or_nothing,
    rows_without_numbers_are_no_rows,
];

/// Lengths at which a product of two or three, or a sum with another, no longer fits a number.
const LARGE: [usize; 5] = [1 << 32, 1 << 62, usize::MAX / 2, usize::MAX - 15, usize::MAX];

fn ones(shape: (usize, usize, usize, usize)) -> Map {
    let mut map = Map::zeros(shape).unwrap();
    map.data_mut().fill(1.0);
    map
}

fn is_memory<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::Memory { .. }))
}

fn is_shape<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::Shape { .. }))
}

fn a_map_with_more_numbers_than_memory_is_refused_and_stays_as_it_was() {
    let mut map = ones((1, 2, 3, 4));
    for large in LARGE {
        for shape in [
            (large, 1 << 32, 1, 1),
            (1 << 32, large, 1, 1),
            (1, large, 1 << 32, 1),
            (1, 1, large, 1 << 32),
            (large, large, large, large),
            (0, large, large, 1),
        ] {
            assert!(is_memory(Map::zeros(shape)), "{shape:?}");
            assert!(is_memory(map.reshape(shape)), "{shape:?}");
            assert_eq!((map.shape(), map.data()), ((1, 2, 3, 4), &[1.0; 24][..]));
        }
    }
    // It can be counted, but no machine has it.
    assert!(is_memory(Map::zeros((1 << 12, 1 << 16, 1 << 16, 1 << 12))));
    let message = Map::zeros((1 << 32, 1 << 32, 1, 16)).unwrap_err().to_string();
    assert!(message.contains("4294967296 x 4294967296 x 1 x 16 numbers"), "{message}");
}

fn a_map_without_numbers_has_as_many_empty_images_as_it_says() {
    for shape in [(0, 0, 0, 0), (0, 4, 4, 16), (2, 0, 4, 16), (2, 4, 0, 16), (2, 4, 4, 0)] {
        let mut map = Map::zeros(shape).unwrap();
        assert!(map.data().is_empty() && map.data_mut().is_empty());
        assert_eq!(map.images().map(<[f32]>::len).collect::<Vec<_>>(), vec![0; shape.0], "{shape:?}");
    }
}

fn a_map_that_was_larger_shows_nothing_of_it() {
    let mut map = ones((3, 4, 4, 16));
    map.reshape((1, 2, 2, 16)).unwrap();
    assert_eq!((map.data().len(), map.images().count()), (64, 1));
}

fn conv(
    precision: Precision,
    isa: Isa,
    shape: (usize, usize, usize, usize),
    stride: usize,
    padding: usize,
) -> Result<Conv, Error> {
    Conv::new((isa, precision), Array4::ones(shape).view(), &vec![0.5; shape.0], stride, padding)
}

fn a_convolution_without_a_kernel_or_channels_is_refused() {
    for (isa, precision) in checks::every_set().into_iter().flat_map(|isa| Precision::ALL.map(|p| (isa, p))) {
        for shape in
            [(0, 16, 3, 3), (16, 0, 3, 3), (16, 0, 1, 1), (16, 16, 0, 3), (16, 16, 3, 0), (0, 0, 0, 0)]
        {
            for (stride, padding) in [(1, 1), (1, 0), (2, 0)] {
                assert!(
                    is_shape(conv(precision, isa, shape, stride, padding)),
                    "{isa} {precision} {shape:?}"
                );
            }
        }
        assert!(is_shape(conv(precision, isa, (16, 16, 3, 3), 0, 1)));
    }
    for shape in [(0, 1, 3, 3), (16, 1, 0, 0), (16, 0, 3, 3), (16, 1, 3, 0)] {
        let weight = Array4::ones(shape);
        assert!(is_shape(Depthwise::new(Isa::current(), weight.view(), &vec![0.0; shape.0], 1)), "{shape:?}");
    }
}

/// One number repeated without being copied.
fn a_convolution_with_more_weights_than_memory_is_refused() {
    let one = arr0(1.0_f32);
    for precision in Precision::ALL {
        for (channels, side) in [(1 << 57, 1), (1 << 55, 3), ((1 << 55) + 1, 2), (1 << 50, 1)] {
            let weight = one.broadcast((16, channels, side, side));
            let Some(weight) = weight.and_then(|w| w.into_dimensionality().ok()) else { continue };
            for stride in [1, 2] {
                let conv = Conv::new(precision, weight, &[0.0; 16], stride, side / 2);
                assert!(is_memory(conv), "{precision} {channels} {side}");
            }
        }
    }
    let weight = one.broadcast((1 << 56, 1, 1, 1)).unwrap().into_dimensionality().unwrap();
    assert!(is_shape(Conv::new(Precision::F32, weight, &[0.0; 16], 1, 0)));
    let weight = one.broadcast((16, 1, 1 << 28, 1 << 28)).unwrap().into_dimensionality().unwrap();
    assert!(is_memory(Depthwise::new(Isa::current(), weight, &[0.0; 16], 1)));
}

fn convolutions_with_any_stride_and_padding_give_sums_or_errors() {
    for (isa, precision) in checks::every_set().into_iter().flat_map(|isa| Precision::ALL.map(|p| (isa, p))) {
        for (kernel, channels) in [(1, 16), (3, 16), (3, 3)] {
            for stride in LARGE.into_iter().chain([1, 2]) {
                for padding in LARGE.into_iter().chain([0, 1, 2]) {
                    let case = format!("{isa} {precision} {kernel} {channels} {stride} {padding}");
                    let conv = conv(precision, isa, (16, channels, kernel, kernel), stride, padding).unwrap();
                    let (height, width) = conv.output_size(3, 4);
                    // With so much padding, no output is small enough to be made; one of another size is refused.
                    let Ok(mut output) = Map::zeros((1, height, width, 16)) else {
                        let mut small = Map::zeros((1, 1, 1, 16)).unwrap();
                        assert!(
                            is_shape(conv.forward(&ones((1, 3, 4, channels)), &mut small, 0, Finish::Store)),
                            "{case}"
                        );
                        continue;
                    };
                    let done = conv.forward(&ones((1, 3, 4, channels)), &mut output, 0, Finish::Store);
                    let sum = |y: usize, x: usize| {
                        let inside = |i: usize, length: usize| {
                            (0..kernel).filter(|&k| (i * stride + k).wrapping_sub(padding) < length).count()
                        };
                        (inside(y, 3) * inside(x, 4) * channels) as f32 + 0.5
                    };
                    match done {
                        Ok(()) => {
                            for (i, &value) in output.data().iter().enumerate() {
                                let expected = sum(i / 16 / width, i / 16 % width);
                                assert!(
                                    (value - expected).abs() < 1e-2,
                                    "{case} {i}: {value}, not {expected}"
                                );
                            }
                        }
                        Err(Error::Shape { .. }) => assert_eq!(height * width, 0, "{case}"),
                        Err(Error::Memory { .. }) => assert!(padding >= 1 << 32, "{case}"),
                        Err(error) => panic!("{case}: {error}"),
                    }
                }
            }
        }
    }
}

fn channels_beyond_the_output_are_refused() {
    for kernel in [1, 3] {
        let conv = conv(Precision::F32, Isa::current(), (16, 16, kernel, kernel), 1, kernel / 2).unwrap();
        let (input, mut output) = (ones((1, 4, 4, 16)), ones((1, 4, 4, 32)));
        for first in LARGE.into_iter().chain([17, 32, 33, usize::MAX - 31]) {
            assert!(is_shape(conv.forward(&input, &mut output, first, Finish::Store)), "{first}");
        }
        assert!(is_shape(conv.forward(&input, &mut ones((1, 4, 4, 8)), 0, Finish::Store)));
        assert!(output.data().iter().all(|&value| value == 1.0));
    }
}

fn a_convolution_of_no_images_writes_nothing_and_one_of_no_pixels_is_refused() {
    for (isa, precision) in checks::every_set().into_iter().flat_map(|isa| Precision::ALL.map(|p| (isa, p))) {
        for (kernel, padding, channels) in
            [(1, 0, 16), (1, 1, 16), (3, 1, 16), (3, 0, 16), (3, 1, 3), (3, 2, 8)]
        {
            let conv = conv(precision, isa, (16, channels, kernel, kernel), 1, padding).unwrap();
            let (height, width) = conv.output_size(5, 5);
            let (none, mut output) = (ones((0, 5, 5, channels)), ones((0, height, width, 16)));
            conv.forward(&none, &mut output, 0, Finish::Relu).unwrap();
            for (n, height, width) in [(1, 0, 5), (1, 5, 0), (0, 0, 0), (2, 0, 0)] {
                let (out_height, out_width) = conv.output_size(height, width);
                let mut output = ones((n, out_height, out_width, 16));
                let done = conv.forward(&ones((n, height, width, channels)), &mut output, 0, Finish::Relu);
                assert!(
                    is_shape(done),
                    "{isa} {precision} {kernel} {padding} {channels}: {n}, {height}, {width}"
                );
            }
        }
    }
}

fn padding_far_beyond_the_map_gives_the_bias() {
    for (isa, precision) in checks::every_set().into_iter().flat_map(|isa| Precision::ALL.map(|p| (isa, p))) {
        for (kernel, stride, channels) in [(1, 1, 16), (3, 1, 16), (3, 2, 5), (2, 3, 4)] {
            let conv = conv(precision, isa, (16, channels, kernel, kernel), stride, 9).unwrap();
            let (height, width) = conv.output_size(1, 1);
            let mut output = Map::zeros((2, height, width, 16)).unwrap();
            conv.forward(&ones((2, 1, 1, channels)), &mut output, 0, Finish::Store).unwrap();
            for image in output.images() {
                assert_eq!(image[..16], [0.5; 16], "{isa} {precision} {kernel}");
                let others = image.iter().filter(|&&value| value != 0.5).count();
                assert!(
                    others <= kernel * kernel * 16 && others.is_multiple_of(16),
                    "{isa} {precision} {kernel}"
                );
            }
        }
    }
}

fn depthwise_convolutions_with_any_stride_give_sums_or_errors() {
    for isa in Isa::available() {
        for (kernel, stride) in [1, 3, 7].iter().flat_map(|&k| LARGE.map(|stride| (k, stride))) {
            let layer = Depthwise::new(isa, Array4::ones((16, 1, kernel, kernel)).view(), &[0.5; 16], stride)
                .unwrap();
            assert_eq!((layer.output_size(0), layer.output_size(5), layer.output_size(usize::MAX)).0, 0);
            let mut output = Map::zeros((2, 1, 1, 16)).unwrap();
            layer.forward(&ones((2, 5, 5, 16)), &mut output, Finish::Store).unwrap();
            // The only window begins with the first zeros that surround the image.
            let inside = (kernel - kernel.saturating_sub(5) / 2).min(5) as f32;
            assert!(
                output.data().iter().all(|&value| value == inside * inside + 0.5),
                "{isa} {kernel} {stride}"
            );
        }
        let layer = Depthwise::new(isa, Array4::ones((16, 1, 3, 3)).view(), &[0.0; 16], 1).unwrap();
        assert!(is_shape(layer.forward(&ones((1, 2, 2, 0)), &mut ones((1, 2, 2, 0)), Finish::Store)));
    }
}

fn pooling_with_any_padding_gives_values_or_errors() {
    for (isa, ceil) in Isa::available().into_iter().flat_map(|isa| [(isa, false), (isa, true)]) {
        for padding in LARGE.into_iter().chain([2]) {
            let pool = MaxPool { padding, ceil };
            pool.output_size(usize::MAX);
            let done = pool.forward(isa, &ones((1, 5, 5, 16)), &mut ones((1, 3, 3, 16)));
            assert!(is_shape(done), "{padding}");
        }
        for padding in [0, 1] {
            let pool = MaxPool { padding, ceil };
            let size = pool.output_size(4);
            pool.forward(isa, &ones((0, 4, 4, 16)), &mut ones((0, size, size, 16))).unwrap();
            assert!(is_shape(pool.forward(isa, &ones((1, 4, 4, 0)), &mut ones((1, size, size, 0)))));
            for (height, width) in [(0, 4), (4, 0), (0, 0)] {
                let mut output = ones((1, pool.output_size(height), pool.output_size(width), 16));
                assert!(is_shape(pool.forward(isa, &ones((1, height, width, 16)), &mut output)));
            }
        }
    }
}

/// Views that repeat one number, with more terms than could be copied.
fn products_with_more_terms_than_memory_holds_are_refused() {
    let (one, narrow) = (arr2(&[[1.0_f32]]), arr2(&[[Bf16::from(1.0)]]));
    for q in [1 << 50, 1 << 60, (1 << 62) + 1, isize::MAX as usize] {
        let (a, b) = (one.broadcast((1, q)).unwrap(), one.broadcast((q, 1)).unwrap());
        for (isa, precision) in
            checks::every_set().into_iter().flat_map(|isa| Precision::ALL.map(|p| (isa, p)))
        {
            let mut c = Array2::zeros((1, 1));
            assert!(is_memory(gemm((isa, precision), &a, &b, 0.0, &mut c)), "{isa} {precision} {q}");
            let a = narrow.broadcast((1, q)).unwrap();
            assert!(is_memory(gemm((isa, precision), &a, &b, 0.0, &mut c)), "{isa} {precision} {q}");
        }
        let one = arr2(&[[1.0_f64]]);
        let (a, b) = (one.broadcast((1, q)).unwrap(), one.broadcast((q, 1)).unwrap());
        assert!(is_memory(gemm(Precision::F32, &a, &b, 0.0, &mut Array2::zeros((1, 1)))), "{q}");
    }
}

fn products_of_mirrored_and_repeated_views_are_those_of_their_copies() {
    let numbers = |rows, columns| {
        Array2::from_shape_fn((rows, columns), |(i, j)| ((i * 31 + j * 17) % 13) as f32 - 6.0)
    };
    let (x, y, row) = (numbers(12, 70), numbers(70, 40), numbers(1, 70));
    let a: [ArrayView2<'_, f32>; 5] = [
        x.slice(s![..;-1, ..]),
        x.slice(s![.., ..;-1]),
        x.slice(s![..;-2, ..;-1]),
        x.slice(s![..;5, ..]),
        row.broadcast((9, 70)).unwrap(),
    ];
    let b: [ArrayView2<'_, f32>; 3] = [y.slice(s![..;-1, ..]), y.slice(s![.., ..;-1]), y.slice(s![.., ..;3])];
    for (isa, precision) in checks::every_set().into_iter().flat_map(|isa| Precision::ALL.map(|p| (isa, p))) {
        for (a, b) in a.iter().flat_map(|a| b.iter().map(move |b| (a, b))) {
            let mut expected = Array2::zeros((a.nrows(), b.ncols()));
            gemm((isa, precision), &a.to_owned(), &b.to_owned(), 0.0, &mut expected).unwrap();
            let mut c = Array2::zeros((a.nrows(), b.ncols()));
            gemm((isa, precision), a, b, 0.0, &mut c.slice_mut(s![..;-1, ..;-1])).unwrap();
            assert_eq!(c.slice(s![..;-1, ..;-1]), expected, "{isa} {precision}");
            let narrow = a.mapv(Bf16::from);
            let mut c = Array2::zeros((a.nrows(), b.ncols()));
            gemm((isa, precision), &narrow.slice(s![..;-1, ..]), b, 0.0, &mut c).unwrap();
            assert_eq!(c.slice(s![..;-1, ..]), expected, "{isa} {precision}");
        }
    }
}

fn empty_products_are_zero_or_nothing() {
    for (isa, precision) in checks::every_set().into_iter().flat_map(|isa| Precision::ALL.map(|p| (isa, p))) {
        for (m, q, n) in [(0, 0, 0), (0, 3, 4), (3, 0, 4), (3, 4, 0), (1, 0, 1), (0, 1 << 40, 0)] {
            let (zero, narrow) = (arr2(&[[0.0_f32]]), arr2(&[[Bf16::default()]]));
            let (a, b) = (zero.broadcast((m, q)).unwrap(), zero.broadcast((q, n)).unwrap());
            for beta in [0.0, 2.0] {
                let mut c = Array2::ones((m, n));
                gemm((isa, precision), &a, &b, beta, &mut c).unwrap();
                assert_eq!(c, Array2::from_elem((m, n), beta), "{isa} {precision} {m}x{q}x{n}");
                let mut c = Array2::ones((m, n));
                gemm((isa, precision), &narrow.broadcast((m, q)).unwrap(), &b, beta, &mut c).unwrap();
                assert_eq!(c, Array2::from_elem((m, n), beta), "{isa} {precision} {m}x{q}x{n}, kept in bf16");
            }
        }
    }
}

fn rows_without_numbers_are_no_rows() {
    let nothing = [(); usize::MAX];
    huge_pages(&nothing);
    huge_pages::<f64>(&[]);
    let (a, mut c) = (Array2::<f32>::ones((9, 9)), Array2::zeros((9, 9)));
    fetching([&nothing[..], &[]], || gemm(Precision::F32, &a, &a, 0.0, &mut c)).unwrap();
    assert_eq!(c, Array2::from_elem((9, 9), 9.0));
    assert!(fma_peak(Isa::current(), Duration::ZERO) > 0.0);
}
