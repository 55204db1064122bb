"""What today's container does as the final one does: its tests, with today's endpoints."""
from test_a3_routing import (  # noqa: F401
    test_a3_any_other_address_is_404_json,
    test_a3_plain_ping_is_a_prefix_and_takes_any_method,
    test_a3_tfs_drops_request_headers_and_forces_json,
    test_a3_tfs_is_a_prefix_and_strips_only_itself_with_a_slash,
    test_a3_tfs_passes_the_query_and_any_method_on,
)
from test_a4_ping import (  # noqa: F401
    test_a4_ping_of_a_healthy_endpoint_is_200_and_empty,
    test_a4_plain_ping_is_502_while_the_model_loads,
    test_a4_plain_ping_needs_a_200_of_the_model_server,
    test_a4_scripted_ping_does_not_consult_the_model_server,
)
from test_a5_plain import (  # noqa: F401
    test_a5_a_generic_body_becomes_instances,
    test_a5_a_model_servers_400_can_be_parsed,
    test_a5_a_tfs_shaped_body_is_forwarded_unchanged,
    test_a5_an_error_with_an_empty_body_becomes_nginxs_page,
    test_a5_empty_json_body_is_400_of_the_model_server,
    test_a5_json_lines_are_joined_into_instances,
    test_a5_no_csv_body_is_500_html,
    test_a5_preconditions_hold_as_for_an_answer_without_etag_and_date,
    test_a5_text_beyond_ascii_arrives_unchanged,
    test_a5_the_answers_layout_is_the_model_servers,
    test_a5_the_first_escaped_instances_is_repaired_on_400,
    test_a5_the_model_server_is_called_by_post_with_json,
    test_a5_the_model_servers_status_is_passed_through,
    test_a5_the_three_json_types_are_equal,
    test_a5_unknown_model_or_version_is_404,
)
from test_a6_attributes import (  # noqa: F401
    test_a6_attributes_choose_model_version_and_method,
    test_a6_attributes_make_the_handlers_rest_uri,
    test_a6_plain_ignores_a_value_that_holds_an_equals_sign,
)
from test_a7_failures import (  # noqa: F401
    test_a7_an_exception_is_500_json_with_its_text,
    test_a7_sys_exit_drops_the_connection_and_the_worker_survives,
)
from test_a7_handler import (  # noqa: F401
    test_a7_a_two_character_string_unpacks,
    test_a7_content_length_is_none_without_a_body,
    test_a7_context_of_a_request_with_headers,
    test_a7_context_of_a_request_without_headers,
    test_a7_cwd_is_a_private_directory_outside_the_model,
    test_a7_data_is_a_stream_that_can_be_read_once,
    test_a7_loaded_once_as_module_inference_that_is_not_registered,
    test_a7_of_two_content_types_the_last_counts_and_other_headers_are_joined,
    test_a7_requests_that_wait_run_side_by_side,
    test_a7_returns_body_and_content_type_as_tuple_or_list,
    test_a7_worker_is_monkey_patched,
)
