-- The store's tables as the last version without revisions created them: frozen, never edit.

CREATE TABLE api_keys (
    id VARCHAR(12) NOT NULL,
    key_hash VARCHAR(64) NOT NULL,
    owner VARCHAR(100) NOT NULL,
    scopes JSON NOT NULL,
    created_at DATETIME NOT NULL,
    expires_at DATETIME,
    revoked_at DATETIME,
    PRIMARY KEY (id),
    CONSTRAINT uq_api_keys_key_hash UNIQUE (key_hash)
);

CREATE TABLE ml_model_performance (
    id BIGINT NOT NULL AUTO_INCREMENT,
    service_name VARCHAR(100) NOT NULL,
    model_type VARCHAR(50) NOT NULL,
    model_version VARCHAR(100) NOT NULL,
    training_date DATETIME(6) NOT NULL,
    data_from DATE,
    data_to DATE,
    performance_metrics JSON NOT NULL,
    hyperparameters JSON NOT NULL,
    feature_importance JSON,
    artefact_digest VARCHAR(64) NOT NULL,
    artefact_bytes BIGINT NOT NULL,
    job_id VARCHAR(32),
    created_at DATETIME(6) NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT uq_ml_model_performance_service_name_model_version UNIQUE (service_name, model_version),
    CONSTRAINT uq_ml_model_performance_job_id UNIQUE (job_id)
);

CREATE TABLE registry_current (
    service VARCHAR(100) NOT NULL,
    model_version VARCHAR(100) NOT NULL,
    switched_at DATETIME(6) NOT NULL,
    switched_by VARCHAR(100) NOT NULL,
    PRIMARY KEY (service)
);

CREATE TABLE analytics_predictions (
    id BIGINT NOT NULL AUTO_INCREMENT,
    prediction_type VARCHAR(20) NOT NULL,
    target_item_id VARCHAR(255) NOT NULL,
    target_category VARCHAR(100) NOT NULL,
    store VARCHAR(10) NOT NULL,
    prediction_date DATE NOT NULL,
    horizon_days INTEGER NOT NULL,
    predicted_value NUMERIC(15, 4) NOT NULL,
    interval_level NUMERIC(5, 4) NOT NULL,
    confidence_lower NUMERIC(15, 4),
    confidence_upper NUMERIC(15, 4),
    confidence_score NUMERIC(5, 4),
    model_version VARCHAR(100) NOT NULL,
    model_type VARCHAR(50) NOT NULL,
    input_features JSON,
    external_factors JSON,
    business_impact_score NUMERIC(15, 2),
    request_id VARCHAR(36) NOT NULL,
    actual_value NUMERIC(15, 4),
    accuracy_score NUMERIC(5, 4),
    feedback_rating INTEGER,
    created_at DATETIME(6) NOT NULL,
    validated_at DATETIME(6),
    PRIMARY KEY (id),
    CONSTRAINT uq_analytics_predictions_same UNIQUE (prediction_type, target_item_id, target_category, store, prediction_date, horizon_days, model_version, model_type, interval_level)
);

CREATE INDEX ix_analytics_predictions_prediction_type_prediction_date_28d9 ON analytics_predictions (prediction_type, prediction_date, target_item_id);

CREATE INDEX ix_analytics_predictions_created_at ON analytics_predictions (created_at);

CREATE TABLE prediction_jobs (
    id VARCHAR(32) NOT NULL,
    service VARCHAR(50) NOT NULL,
    kind VARCHAR(50) NOT NULL,
    arguments JSON NOT NULL,
    requested_by VARCHAR(100) NOT NULL,
    idempotency_key VARCHAR(200),
    active_key VARCHAR(101),
    state VARCHAR(10) NOT NULL,
    attempts INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    run_after DATETIME(6) NOT NULL,
    sent_at DATETIME(6),
    lease_owner VARCHAR(100),
    lease_until DATETIME(6),
    progress FLOAT NOT NULL,
    stage VARCHAR(200) NOT NULL,
    result JSON,
    error JSON,
    created_at DATETIME(6) NOT NULL,
    started_at DATETIME(6),
    finished_at DATETIME(6),
    PRIMARY KEY (id),
    CONSTRAINT uq_prediction_jobs_idempotency_key UNIQUE (idempotency_key),
    CONSTRAINT uq_prediction_jobs_active_key UNIQUE (active_key)
);

CREATE INDEX ix_prediction_jobs_created_at ON prediction_jobs (created_at);

CREATE INDEX ix_prediction_jobs_service_state_run_after ON prediction_jobs (service, state, run_after);
