data {
  int<lower=0> N;
  vector[N] cont_africa;
  vector[N] rugged;
  vector[N] log_gdp;
}
transformed data {
  matrix[N, 3] features = append_col(append_col(cont_africa, rugged), cont_africa .* rugged);
}
parameters {
  real a;
  real bA;
  real bR;
  real bAR;
  real<lower=0, upper=10> sigma;
}
model {
  a ~ normal(0, 10);
  bA ~ normal(0, 1);
  bR ~ normal(0, 1);
  bAR ~ normal(0, 1);
  log_gdp ~ normal_id_glm(features, a, [bA, bR, bAR]', sigma);
}
