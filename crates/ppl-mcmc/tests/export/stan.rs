//! Files in the form of Stan's programs.

use crate::{chains, folder};

#[test]
fn stans_columns_run_fastest_in_the_first_index() {
    let (chains, folder) = (chains(), folder("csv"));
    let files = chains.write_stan_csv(&folder, "draws").unwrap();
    assert_eq!(files, [folder.join("draws_1.csv"), folder.join("draws_2.csv")]);
    let text = std::fs::read_to_string(&files[1]).unwrap();
    let mut lines = text.lines();
    let header = "lp__,accept_stat__,stepsize__,treedepth__,n_leapfrog__,divergent__,energy__,mean,\
                  w.1.1,w.2.1,w.1.2,w.2.2,w.1.3,w.2.3";
    assert_eq!(lines.next().unwrap(), header);
    let rows: Vec<Vec<f64>> =
        lines.map(|line| line.split(',').map(|x| x.parse().unwrap()).collect()).collect();
    assert_eq!(rows.len(), 20);
    let (means, w) = (chains.get("mean").unwrap(), chains.get("w").unwrap());
    let (means, w) = (means.to_f64().unwrap(), w.to_f64().unwrap());
    for (draw, row) in rows.iter().enumerate() {
        let transition = chains.transitions()[1][draw];
        assert_eq!(
            (row[0], row[6], row[7]),
            (transition.log_density, transition.energy.unwrap(), means[20 + draw])
        );
        let w = &w[(20 + draw) * 6..][..6];
        assert_eq!(row[8..], [w[0], w[3], w[1], w[4], w[2], w[5]]);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
