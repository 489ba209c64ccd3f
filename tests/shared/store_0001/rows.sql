-- Rows that the code of that version wrote.

INSERT INTO analytics_predictions (id, prediction_type, target_item_id, target_category, store, prediction_date, horizon_days, predicted_value, interval_level, confidence_lower, confidence_upper, confidence_score, model_version, model_type, input_features, external_factors, business_impact_score, request_id, actual_value, accuracy_score, feedback_rating, created_at, validated_at)
VALUES (1, 'demand', '61230', '', '', '2026-09-07', 7, 12.25, 0.8, 10, 15.5, 0.61, 'demand_v20260901_131700_09241053', 'ensemble', NULL, NULL, NULL, 'req_00000000', NULL, NULL, NULL, '2026-09-01 15:37:00.281031', NULL);

INSERT INTO analytics_predictions (id, prediction_type, target_item_id, target_category, store, prediction_date, horizon_days, predicted_value, interval_level, confidence_lower, confidence_upper, confidence_score, model_version, model_type, input_features, external_factors, business_impact_score, request_id, actual_value, accuracy_score, feedback_rating, created_at, validated_at)
VALUES (2, 'demand', '', 'Tische & Stühle ☂', '', '2026-09-14', 14, 13.25, 0.8, 10, 16.5, 0.61, 'demand_v20260901_134500_7ad8178f', 'ensemble', '{"week": 1}', NULL, NULL, 'req_00000001', NULL, NULL, NULL, '2026-09-01 15:44:00.282032', NULL);

INSERT INTO analytics_predictions (id, prediction_type, target_item_id, target_category, store, prediction_date, horizon_days, predicted_value, interval_level, confidence_lower, confidence_upper, confidence_score, model_version, model_type, input_features, external_factors, business_impact_score, request_id, actual_value, accuracy_score, feedback_rating, created_at, validated_at)
VALUES (3, 'demand', '61232', '', '', '2026-09-21', 21, 14.25, 0.8, 10, 17.5, 0.61, 'demand_v20260901_131700_09241053', 'ensemble', NULL, NULL, 5650, 'req_00000002', NULL, NULL, NULL, '2026-09-01 15:51:00.283033', NULL);

INSERT INTO analytics_predictions (id, prediction_type, target_item_id, target_category, store, prediction_date, horizon_days, predicted_value, interval_level, confidence_lower, confidence_upper, confidence_score, model_version, model_type, input_features, external_factors, business_impact_score, request_id, actual_value, accuracy_score, feedback_rating, created_at, validated_at)
VALUES (4, 'demand', '', 'Tische & Stühle ☂', '3607', '2026-09-07', 7, 15.25, 0.8, 10, 18.5, 0.61, 'demand_v20260901_134500_7ad8178f', 'ensemble', NULL, NULL, NULL, 'req_00000003', NULL, NULL, NULL, '2026-09-01 15:58:00.284034', NULL);

INSERT INTO analytics_predictions (id, prediction_type, target_item_id, target_category, store, prediction_date, horizon_days, predicted_value, interval_level, confidence_lower, confidence_upper, confidence_score, model_version, model_type, input_features, external_factors, business_impact_score, request_id, actual_value, accuracy_score, feedback_rating, created_at, validated_at)
VALUES (5, 'demand', '61234', '', '3607', '2026-09-14', 14, 16.25, 0.95, 10, 19.5, 0.61, 'demand_v20260901_131700_09241053', 'ensemble', NULL, NULL, NULL, 'req_00000004', NULL, NULL, NULL, '2026-09-01 16:05:00.285035', NULL);

INSERT INTO analytics_predictions (id, prediction_type, target_item_id, target_category, store, prediction_date, horizon_days, predicted_value, interval_level, confidence_lower, confidence_upper, confidence_score, model_version, model_type, input_features, external_factors, business_impact_score, request_id, actual_value, accuracy_score, feedback_rating, created_at, validated_at)
VALUES (6, 'demand', '', 'Tische & Stühle ☂', '3607', '2026-09-21', 21, 17.25, 0.8, 10, 20.5, 0.61, 'demand_v20260901_134500_7ad8178f', 'ensemble, no external factors', NULL, NULL, NULL, 'req_00000005', NULL, NULL, NULL, '2026-09-01 16:12:00.286036', NULL);

INSERT INTO analytics_predictions (id, prediction_type, target_item_id, target_category, store, prediction_date, horizon_days, predicted_value, interval_level, confidence_lower, confidence_upper, confidence_score, model_version, model_type, input_features, external_factors, business_impact_score, request_id, actual_value, accuracy_score, feedback_rating, created_at, validated_at)
VALUES (7, 'maintenance', '', '', '', '2026-12-31', 30, 0.125, 0, NULL, NULL, NULL, 'm"1 ü', 'x''y', NULL, NULL, NULL, '', NULL, NULL, NULL, '2026-09-01 16:19:00.287037', NULL);

INSERT INTO api_keys (id, key_hash, owner, scopes, created_at, expires_at, revoked_at)
VALUES ('d851e15521b6', 'fef2cb7434bf11d058ffdf77b8197ea18c156b4d4a894eee22cb6a373091e575', 'the shop', '["read", "train"]', '2026-09-01 12:07:00', NULL, NULL);

INSERT INTO api_keys (id, key_hash, owner, scopes, created_at, expires_at, revoked_at)
VALUES ('cb20963243ea', '6d18a1b799bc2737f6fd53c44d91c68717553b7556242a029c7861a6ccf49d43', 'a guest', '["read"]', '2026-09-01 12:14:00', NULL, '2026-09-01 12:21:00');

INSERT INTO ml_model_performance (id, service_name, model_type, model_version, training_date, data_from, data_to, performance_metrics, hyperparameters, feature_importance, artefact_digest, artefact_bytes, job_id, created_at)
VALUES (1, 'demand', 'ensemble', 'demand_v20260901_131700_09241053', '2026-09-01 13:17:00.261011', '2024-01-01', '2026-08-30', '{"wape": 0.3}', '{"seed": 7}', NULL, '09241053d40b82577cb84a5ff37f090b0cdb70e719f3812cbc9fbfa6fc83a4ca', 13, 'd32b0ef50a164c2196571f976f54fe59', '2026-09-01 13:24:00.262012');

INSERT INTO ml_model_performance (id, service_name, model_type, model_version, training_date, data_from, data_to, performance_metrics, hyperparameters, feature_importance, artefact_digest, artefact_bytes, job_id, created_at)
VALUES (2, 'demand', 'ensemble', 'demand_v20260901_134500_7ad8178f', '2026-09-01 13:45:00.265015', '2024-01-01', '2026-08-30', '{"wape": 0.29}', '{"seed": 7}', '{"lag_52": 0.5}', '7ad8178f190825ac1ca2742b8b4682fb7a4951ae829cbeb715be4b0ad5417d98', 13, NULL, '2026-09-01 13:52:00.266016');

INSERT INTO ml_model_performance (id, service_name, model_type, model_version, training_date, data_from, data_to, performance_metrics, hyperparameters, feature_importance, artefact_digest, artefact_bytes, job_id, created_at)
VALUES (3, 'demand', 'ensemble', 'demand_v20260901_141300_4c27c762', '2026-09-01 14:13:00.269019', '2024-01-01', '2026-08-30', '{"wape": 0.27999999999999997}', '{"seed": 7}', '{"lag_52": 0.5}', '4c27c762a020512ac41b729c436cbdee6c93683c70c8af4e66aafd0936350f0a', 13, NULL, '2026-09-01 14:20:00.270020');

INSERT INTO ml_model_performance (id, service_name, model_type, model_version, training_date, data_from, data_to, performance_metrics, hyperparameters, feature_importance, artefact_digest, artefact_bytes, job_id, created_at)
VALUES (4, 'pricing', 'ensemble', 'pricing_v20260901_144100_5524e24d', '2026-09-01 14:41:00.273023', '2024-01-01', '2026-08-30', '{"wape": 0.3}', '{"seed": 7}', NULL, '5524e24daeb883401d8461fef8d76c66eff7b4c409e6c0002c74ed356dbef1c0', 14, NULL, '2026-09-01 14:48:00.274024');

INSERT INTO ml_model_performance (id, service_name, model_type, model_version, training_date, data_from, data_to, performance_metrics, hyperparameters, feature_importance, artefact_digest, artefact_bytes, job_id, created_at)
VALUES (5, 'demand', 'ensemble', 'demand_v20260901_150900_e963d1c6', '2026-09-01 15:09:00.277027', '2024-01-01', '2026-08-30', '{"wape": 0.3}', '{"seed": 7}', NULL, 'e963d1c6acba0cafcf53c692ebae5991ac099e1efdcdf814c3ae26e905f2c8ad', 13, NULL, '2026-09-01 15:16:00.278028');

INSERT INTO prediction_jobs (id, service, kind, arguments, requested_by, idempotency_key, active_key, state, attempts, max_attempts, run_after, sent_at, lease_owner, lease_until, progress, stage, result, error, created_at, started_at, finished_at)
VALUES ('d32b0ef50a164c2196571f976f54fe59', 'demand', 'train', '{"force_retrain": false}', 'the shop', 'key-0', NULL, 'succeeded', 1, 3, '2026-09-01 12:28:00.254004', NULL, NULL, NULL, 1.0, '', '{"model_version": "demand_v1"}', NULL, '2026-09-01 12:28:00.254004', '2026-09-01 12:35:00.255005', '2026-09-01 12:42:00.256006');

INSERT INTO prediction_jobs (id, service, kind, arguments, requested_by, idempotency_key, active_key, state, attempts, max_attempts, run_after, sent_at, lease_owner, lease_until, progress, stage, result, error, created_at, started_at, finished_at)
VALUES ('a72f004d485e46da8e4945281196802b', 'demand', 'train', '{"force_retrain": true}', 'the shop', 'key-1', NULL, 'failed', 3, 3, '2026-09-01 12:49:00.257007', NULL, NULL, NULL, 0.0, '', NULL, '{"code": "SYSTEM_ERROR", "message": "It does not run."}', '2026-09-01 12:49:00.257007', '2026-09-01 12:56:00.258008', '2026-09-01 13:03:00.259009');

INSERT INTO prediction_jobs (id, service, kind, arguments, requested_by, idempotency_key, active_key, state, attempts, max_attempts, run_after, sent_at, lease_owner, lease_until, progress, stage, result, error, created_at, started_at, finished_at)
VALUES ('8ef8489806c6466d80c227ca9f4f2a70', 'demand', 'train', '{"force_retrain": false}', 'the shop', 'key-2', 'demand/train', 'queued', 0, 3, '2026-09-01 13:10:00.260010', NULL, NULL, NULL, 0.0, '', NULL, NULL, '2026-09-01 13:10:00.260010', NULL, NULL);

INSERT INTO registry_current (service, model_version, switched_at, switched_by)
VALUES ('demand', 'demand_v20260901_150900_e963d1c6', '2026-09-01 15:23:00.279029', 'publish');

INSERT INTO registry_current (service, model_version, switched_at, switched_by)
VALUES ('pricing', 'pricing_v20260901_144100_5524e24d', '2026-09-01 14:55:00.275025', 'publish');
